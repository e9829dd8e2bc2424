/** The house rules of ARCHITECTURE.md and PROTOCOL.md, held against the code. */

import { deepStrictEqual, ok } from "node:assert/strict";
import { RecordKind } from "../shared/protocol/channel.ts";
import { problems } from "../shared/protocol/problems.ts";
import { importGraph, reachable, sourceFiles } from "./support/graph.ts";
import { run } from "./support/command.ts";
import { codesIn, pathsIn, rowsIn } from "./support/documents.ts";

const root = new URL("..", import.meta.url).pathname;
const files = await sourceFiles(root, ["services", "shared", "ffi"]);
const graph = await importGraph(root, files, "all");
/** Without `import type`, which is gone when the code runs. */
const runtimeGraph = await importGraph(root, files, "runtime");

/** Who may import what of ours, by folder; everything a folder does not name is forbidden to it. */
const arrows: [from: RegExp, to: RegExp][] = [
  [/^ffi\//, /^ffi\//],
  [/^shared\//, /^shared\//],
  [/^services\/broker\//, /^(services\/broker|shared)\/|^ffi\/privileges\.ts$/],
  [/^services\/gateway\//, /^(services\/gateway|shared)\/|^ffi\/(libcrypto|privileges)\.ts$/],
  [
    /^services\/host\/dispatcher\//,
    /^(services\/host\/dispatcher|shared)\/|^ffi\/(epoll|pty|socket|descriptor|privileges|libcrypto|errno)\.ts$/,
  ],
  [
    /^services\/host\/monitor\//,
    /^(services\/host\/monitor|ffi|shared\/(protocol|trust))\/|^shared\/(config\/host_settings|log_record|parent|steady_clock|error|version)\.ts$|^services\/host\/worker\/journal\.ts$/,
  ],
  [
    /^services\/host\/worker\//,
    /^(services\/host\/worker|ffi|shared\/(protocol|trust|pam))\/|^shared\/(config\/host_settings|log_record|error|version|stream\/aead)\.ts$/,
  ],
  [/^services\/(cli\/|main\.ts)/, /^(services|shared|ffi)\//],
];

Deno.test("imports go only where the arrows of ARCHITECTURE.md point", () => {
  const forbidden: string[] = [];
  for (const [from, targets] of graph) {
    const arrow = arrows.find(([pattern]) => pattern.test(from));
    ok(arrow, `no arrow is defined for ${from}`);
    for (const to of targets) {
      if (!to.startsWith("npm:") && !to.startsWith("node:") && !arrow[1].test(to)) {
        forbidden.push(`${from} → ${to}`);
      }
    }
  }
  deepStrictEqual(forbidden, []);
});

Deno.test("root processes reach no npm package, no bus and no network", () => {
  const entries = ["monitor/main.ts", "worker/main.ts", "worker/zygote.ts"];
  for (const entry of entries.map((name) => `services/host/${name}`)) {
    const found = [...reachable(runtimeGraph, entry)].filter((name) =>
      /^npm:|^shared\/bus\/|^node:(net|http|https|dgram|tls|dns)$/.test(name)
    );
    deepStrictEqual(found, [], entry);
  }
});

Deno.test("only the bus adapter knows NATS, and only the gateway knows ssh2", () => {
  const users = (pattern: RegExp) =>
    graph.entries().filter(([, targets]) => targets.some((to) => pattern.test(to))).map(([from]) => from)
      .toArray();
  deepStrictEqual(
    users(/^npm:\/?@nats-io\//).filter((from) => !/^(shared\/bus|services\/broker)\//.test(from)),
    [],
  );
  deepStrictEqual(users(/^npm:\/?ssh2/).filter((from) => !from.startsWith("services/gateway/")), []);
});

Deno.test("no two modules import each other in a circle", () => {
  const circles = runtimeGraph.keys().filter((name) =>
    runtimeGraph.get(name)!.some((to) => reachable(runtimeGraph, to).has(name))
  ).toArray();
  deepStrictEqual(circles, []);
});

Deno.test("importing a module does nothing: it needs no permission", async () => {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(entry, files.map((name) => `import "file://${root}${name}";\n`).join(""));
  // npm packages look into the environment when they are loaded; files, processes, network and FFI stay shut.
  const { code, stderr } = await run([
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-check", "--allow-env", "--allow-sys"],
    ...["--config", `${root}deno.json`, entry],
  ]);
  await Deno.remove(entry);
  deepStrictEqual([code, stderr], [0, ""]);
});

Deno.test("PROTOCOL.md lists every message, record kind and problem, and no others", async () => {
  const documented = codesIn(await Deno.readTextFile(`${root}PROTOCOL.md`));
  const protocol = await Array.fromAsync(
    ["channel", "lease", "revocations", "worker", "zygote"],
    (name) => Deno.readTextFile(`${root}shared/protocol/${name}.ts`),
  );
  const types = protocol.join("").matchAll(/\btype: "([a-z.0-9-]+)"/g).map(([, type]) => type!);
  const inCode = new Set([...types, ...Object.keys(problems), ...Object.keys(RecordKind)]);
  const missing = [...inCode].filter((code) => !documented.has(code));
  deepStrictEqual(missing, [], "missing from PROTOCOL.md");
  const words = [...documented].filter((code) =>
    /^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/.test(code) && !code.startsWith("sallyport.")
  );
  deepStrictEqual(words.filter((code) => !inCode.has(code)), [], "in PROTOCOL.md but not in the code");
});

for (
  const [document, heading, least] of [
    ["README.md", "PAM, beside Teleport and OpenSSH", 20],
    ["SECURITY.md", "Claims and their tests", 15],
  ] as const
) {
  Deno.test(`"${heading}" in ${document} names tests that exist`, () => namesTests(document, heading, least));
}

/** The last cell of each row is `FILE: TITLE`, a test below test/. */
async function namesTests(document: string, heading: string, least: number): Promise<void> {
  const rows = rowsIn(await Deno.readTextFile(`${root}${document}`), heading);
  ok(rows.length >= least);
  for (const [what, ...cells] of rows) {
    ok(cells.every((cell) => cell !== ""), `${what} has an empty cell`);
    const [, file, title] = /^([\w/]+): (.+)$/.exec(cells.at(-1)!) ?? [];
    ok(file && title, `${what} names no test`);
    ok(
      (await Deno.readTextFile(`${root}test/${file}_test.ts`)).includes(title),
      `${file} has no test "${title}"`,
    );
  }
}

Deno.test("PROTOCOL.md lists every subject", async () => {
  const documented = [...codesIn(await Deno.readTextFile(`${root}PROTOCOL.md`))];
  const source = await Deno.readTextFile(`${root}shared/protocol/subjects.ts`);
  const shapes = source.matchAll(/(?:return|=) `\$\{prefix\}\.([^`]+)`/g).map(([, text]) =>
    `sallyport.${text!.replace(/\$\{[^}]*\}/g, "*")}`
  );
  const listed = documented.filter((code) => code.startsWith("sallyport.")).map((code) =>
    code.replace(/<[^>]+>/g, "*")
  );
  deepStrictEqual(shapes.filter((shape) => !listed.includes(shape) && !shape.endsWith(">")).toArray(), []);
});

Deno.test("only subjects.ts spells the prefix of subjects", async () => {
  const others = files.filter((name) => name !== "shared/protocol/subjects.ts");
  const found = await Array.fromAsync(
    others,
    async (name) => [name, await Deno.readTextFile(root + name)] as const,
  );
  const spelt = found.filter(([, text]) =>
    /["'`]sallyport\.(open|h|g|beat|certificate|revocations)\b/.test(text)
  ).map((
    [name],
  ) => name);
  deepStrictEqual(spelt, []);
});

Deno.test("the layout of ARCHITECTURE.md names every folder of ours, and only what exists", async () => {
  const named = pathsIn(await Deno.readTextFile(`${root}ARCHITECTURE.md`), "Layout");
  const missing = [];
  for (const path of named) {
    if (!await Deno.stat(root + path).then(() => true, () => false)) missing.push(path);
  }
  deepStrictEqual(missing, [], "named but not there");
  const covered = (name: string) =>
    named.some((path) => name === path || (path.endsWith("/") && name.startsWith(path)));
  const folders = new Set(
    files.filter((name) => !covered(name)).map((name) => name.slice(0, name.lastIndexOf("/") + 1)),
  );
  deepStrictEqual([...folders], [], "there but not named");
});
