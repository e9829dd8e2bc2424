/** Each row of an FFI table stands below the C declaration it was made from; here the two are compared. */

import assert from "node:assert/strict";

interface Row {
  file: string;
  /** Key in the table. */
  key: string;
  /** Name of the C function. */
  symbol: string;
  comment: string;
  parameters: string[];
  result: string;
}

const folder = new URL("../../ffi/", import.meta.url);
const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".ts"))
  .sort();

/** Comment lines, then `key: { [name: "symbol",] parameters: […], result: "…"`. */
const rowPattern =
  /((?:^[ \t]*\/\/.*\n)*)^[ \t]*(\w+): \{\s*(?:name: "(\w+)",\s*)?parameters: \[([^\]]*)\],\s*result: "(\w+)"/gm;

function rowsOf(file: string): Row[] {
  const text = Deno.readTextFileSync(new URL(file, folder));
  return [...text.matchAll(rowPattern)].map(([, comment, key, name, parameters, result]) => ({
    file,
    key: key!,
    symbol: name ?? key!,
    comment: comment!.replace(/^[ \t]*\/\/ ?/gm, "").replace(/\s+/g, " ").trim(),
    parameters: [...parameters!.matchAll(/"(\w+)"/g)].map(([, type]) => type!),
    result: result!,
  }));
}

const rows = files.flatMap(rowsOf);

/** What Deno may call a C type on 64-bit Linux. */
const scalars: Record<string, string[]> = {
  "void": ["void"],
  "short": ["i16"],
  "int": ["i32"],
  "pid_t": ["i32"],
  "unsigned int": ["u32"],
  "uid_t": ["u32"],
  "gid_t": ["u32"],
  "mode_t": ["u32"],
  "speed_t": ["u32"],
  "socklen_t": ["u32"],
  "uint32_t": ["u32"],
  "long": ["i64", "isize"],
  "ssize_t": ["isize"],
  "size_t": ["usize"],
  "unsigned long": ["u64", "usize"],
  "nfds_t": ["u64", "usize"],
  "eventfd_t": ["u64"],
  "uint64_t": ["u64"],
  // A function's address, or one of the small numbers SIG_DFL, SIG_IGN and SIG_ERR.
  "sighandler_t": ["usize", "isize"],
};
const pointers = ["pointer", "buffer", "function"];

/** `const char *argv[]` → what its Deno type may be; the parameter's name is taken off. */
function typesOf(declaration: string): string[] {
  if (/[*[]/.test(declaration)) return pointers;
  const words = declaration.replace(/\bconst\b/g, "").trim().split(/\s+/);
  const type = [words.join(" "), words.slice(0, -1).join(" ")].find((name) => name in scalars);
  assert.ok(type, `'${declaration}' is a C type this test does not know`);
  return scalars[type]!;
}

/** `int open(const char *path, int flags, ... /* mode_t mode … ) <fcntl.h>`, taken apart. */
function parse(
  comment: string,
): { symbol: string; result: string; parameters: string[]; header: string } | null {
  const match = /^(.*?[\s*])(\w+)\((.*)\) <([\w/.]+\.h)>/.exec(comment);
  if (!match) return null;
  const [, result, symbol, list, header] = match as unknown as [string, string, string, string, string];
  const parameters = list.replace(/\.\.\.\s*\/\*(.*)\*\//, "$1").split(",").map((parameter) =>
    parameter.trim()
  );
  return { symbol, result, parameters: parameters.join() === "void" ? [] : parameters, header };
}

for (const row of rows) {
  Deno.test(`${row.file}: the row ${row.key} agrees with the C declaration above it`, () => {
    const declared = parse(row.comment);
    assert.ok(declared, `no C declaration with its header above: '${row.comment}'`);
    assert.equal(declared.symbol, row.symbol);
    assert.ok(
      typesOf(declared.result).includes(row.result),
      `result '${declared.result.trim()}' is not ${row.result}`,
    );
    assert.equal(row.parameters.length, declared.parameters.length, `parameters of '${row.comment}'`);
    for (const [index, parameter] of declared.parameters.entries()) {
      assert.ok(
        typesOf(parameter).includes(row.parameters[index]!),
        `'${parameter}' is not ${row.parameters[index]}`,
      );
    }
  });
}

Deno.test("every symbol of every FFI table was read by this test", () => {
  for (const file of files) {
    const text = Deno.readTextFileSync(new URL(file, folder)).replace(/^\s*(\*|\/\/).*$/gm, "");
    // A callback's signature is not a row of a table.
    const callbacks = text.match(/^const \w+ = \{\s*parameters: /gm)?.length ?? 0;
    const written = text.match(/\bparameters: \[/g)?.length ?? 0;
    assert.equal(rowsOf(file).length, written - callbacks, file);
  }
  assert.ok(rows.length > 60, `${rows.length} rows`);
});

Deno.test("importing any file of ffi/ does nothing: it needs no permission", async () => {
  const source = files.map((file) => `import ${JSON.stringify(new URL(file, folder).href)};`).join("\n");
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, source);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", "--quiet", script],
      stderr: "piped",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(script);
  }
});
