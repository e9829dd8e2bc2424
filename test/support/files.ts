/** Files of the machine's own that a test needs to be otherwise; the next one finds them as they were. */

/**
 * Writes each file until the end of the scope.
 *
 * @param texts By absolute path
 */
export async function replaceFiles(texts: Record<string, string>): Promise<AsyncDisposable> {
  const before: [path: string, text: string | null][] = [];
  for (const [path, text] of Object.entries(texts)) {
    before.push([path, await Deno.readTextFile(path).catch(() => null)]);
    await Deno.writeTextFile(path, text);
  }
  return {
    async [Symbol.asyncDispose]() {
      for (const [path, text] of before) {
        if (text === null) await Deno.remove(path);
        else await Deno.writeTextFile(path, text);
      }
    },
  };
}
