/** The import graph of the code, as `deno info` sees it. */

/** Edges by file: our files relative to the root, packages as `npm:…`, built-ins as `node:…`. */
export type ImportGraph = Map<string, string[]>;

interface Module {
  specifier: string;
  dependencies?: { specifier: string; code?: { specifier: string }; type?: { specifier: string } }[];
}

/** TypeScript files below `folders`, relative to `root`, in order. */
export async function sourceFiles(root: string, folders: string[]): Promise<string[]> {
  const found: string[] = [];
  const look = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(root + folder)) {
      if (isDirectory) await look(`${folder}/${name}`);
      else if (name.endsWith(".ts")) found.push(`${folder}/${name}`);
    }
  };
  for (const folder of folders) await look(folder);
  return found.sort();
}

/**
 * Reads the graph of all `files` at once, through a module that imports every one of them.
 *
 * @param edges `runtime` leaves out `import type`, which is gone when the code runs
 */
export async function importGraph(
  root: string,
  files: string[],
  edges: "all" | "runtime",
): Promise<ImportGraph> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(entry, files.map((name) => `import "file://${root}${name}";\n`).join(""));
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--config", `${root}deno.json`, entry],
    stderr: "inherit",
  }).output();
  await Deno.remove(entry);
  if (!success) throw new Error("Cannot read the import graph");
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  const base = `file://${root}`;
  const graph: ImportGraph = new Map();
  for (const { specifier, dependencies = [] } of modules) {
    if (!specifier.startsWith(base)) continue;
    const targets = dependencies.flatMap(({ code, type }) =>
      (edges === "all" ? code ?? type : code)?.specifier ?? []
    );
    graph.set(
      specifier.slice(base.length),
      targets.map((to) => to.startsWith(base) ? to.slice(base.length) : to),
    );
  }
  return graph;
}

/** `from` and everything it imports, directly or not. */
export function reachable(graph: ImportGraph, from: string): Set<string> {
  const found = new Set([from]);
  for (const name of found) for (const to of graph.get(name) ?? []) found.add(to);
  return found;
}
