import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

Deno.test("the end of stdin reaches the command, and its output still comes back", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  strictEqual((await sallyport.ssh(login, "wc -c", { stdin: "x".repeat(100_000) })).stdout, "100000\n");
  strictEqual((await sallyport.ssh(login, "cat; echo after", { stdin: "line\n" })).stdout, "line\nafter\n");
  strictEqual((await sallyport.ssh(login, "cat | sort -n | tail -1", { stdin: "1\n3\n2\n" })).stdout, "3\n");
});

Deno.test("a command that does not read stdin ends all the same", async () => {
  await using sallyport = await startSallyport();
  const result = await sallyport.ssh(newLogin(), "echo done; exit 5", { stdin: "x".repeat(4_000_000) });
  deepStrictEqual([result.code, result.stdout], [5, "done\n"]);
});

Deno.test("a command that closes its stdout early goes on until it ends", async () => {
  await using sallyport = await startSallyport();
  const result = await sallyport.ssh(newLogin(), "echo first; exec >&-; echo second >&2; exit 6");
  deepStrictEqual([result.code, result.stdout, result.stderr], [6, "first\n", "second\n"]);
});
