import { deepStrictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

Deno.test("a command longer than a frame runs, and the connection stays", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  for (const length of [20_000, 26_000, 32_000]) {
    const { code, stdout, stderr } = await sallyport.ssh(login, `printf %s ${"x".repeat(length)}`);
    deepStrictEqual([code, stdout.length, stderr], [0, length, ""], `${length} bytes`);
  }
});
