import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

const limit = 10;

Deno.test("ten sessions share a connection and one PAM session; the eleventh is refused in a sentence", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  const control = `${sallyport.state}/control`;
  const shared = ["-o", `ControlPath=${control}`];
  await using master = sallyport.spawn(login, "echo ready; cat", ["-o", "ControlMaster=yes", ...shared]);
  await until("the master is ready", () => Deno.stat(control));
  strictEqual((await sallyport.ssh(login, "echo second", { options: shared })).stdout, "second\n");

  const held = Array.from({ length: limit - 1 }, (_, index) => {
    const flag = `${sallyport.state}/up${index}`;
    return { flag, process: sallyport.spawn(login, "echo up; cat", shared) };
  });
  const outputs = held.map(({ process }) => process.stdout.getReader());
  for (const output of outputs) strictEqual(new TextDecoder().decode((await output.read()).value), "up\n");

  const eleventh = await sallyport.ssh(login, "echo eleventh", {
    options: [...shared, "-o", "LogLevel=INFO"],
  });
  strictEqual(eleventh.stdout, "");
  match(eleventh.stderr, /Too many sessions on this connection/);
  strictEqual(await sallyport.leases(), 1);

  for (const { process } of held) await process.stdin.close();
  const codes = await Promise.all(held.map(({ process }) => process.status.then(({ code }) => code)));
  deepStrictEqual(codes, held.map(() => 0));
  for (const output of outputs) await output.cancel();
  for (const { process } of held) await process.stderr.cancel();
  strictEqual((await sallyport.ssh(login, "echo again", { options: shared })).stdout, "again\n");
  await master.stdin.close();
  await master.stdout.cancel();
  await master.stderr.cancel();
});
