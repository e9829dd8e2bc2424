/** Reading what a program says while it goes on. */

/**
 * The first `count` lines of `output`, without their ends. A shell writes each line for itself, so that one read may
 * give any part of them.
 *
 * @throws {Error} When the output ends before
 */
export async function firstLines(output: ReadableStream<Uint8Array>, count: number): Promise<string[]> {
  const decoder = new TextDecoder();
  const reader = output.getReader();
  let text = "";
  for (;;) {
    const lines = text.split("\n");
    if (lines.length > count) return lines.slice(0, count);
    const { value, done } = await reader.read();
    if (done) throw new Error(`The output ended after ${JSON.stringify(text)}`);
    text += decoder.decode(value, { stream: true });
  }
}
