import { deepStrictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

Deno.test("stdout and stderr arrive apart, and without a terminal nothing else does", async () => {
  await Deno.writeTextFile("/etc/motd", "A message of the day\n");
  await using sallyport = await startSallyport();
  const { code, stdout, stderr } = await sallyport.ssh(newLogin(), "echo out; echo err >&2; echo out again");
  deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: "out\nout again\n", stderr: "err\n" });
});
