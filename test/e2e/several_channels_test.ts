import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import type { ClientChannel } from "ssh2";
import { connectClient, execOn, startOn } from "../support/client.ts";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

const limit = 10;

Deno.test("sessions of one connection share one PAM session and end on their own", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  const control = `${sallyport.state}/control`;
  const shared = ["-o", `ControlPath=${control}`];
  await using master = sallyport.spawn(login, "echo ready; cat", ["-o", "ControlMaster=yes", ...shared]);
  await until("the master is ready", () => Deno.stat(control));
  const outputs = await Promise.all(
    Array.from({ length: limit - 1 }, (_, index) => {
      return sallyport.ssh(login, `seq ${index} 50000; exit ${index}`, { options: shared });
    }),
  );
  for (const [index, { code, stdout }] of outputs.entries()) {
    deepStrictEqual([code, stdout.slice(0, 2), stdout.slice(-6)], [index, `${index}\n`, "50000\n"]);
  }
  strictEqual(await sallyport.leases(), 1);
  await master.stdin.close();
  match(await new Response(master.stdout).text(), /^ready\n$/);
  await master.stderr.cancel();
});

Deno.test("the eleventh session is refused in a sentence, and there is room again when one ends", async () => {
  await using sallyport = await startSallyport();
  using client = await connectClient(sallyport, newLogin());
  const held: ClientChannel[] = [];
  for (let count = 0; count < limit; count++) held.push(await startOn(client, "cat"));
  await rejects(startOn(client, "true"), /Too many sessions on this connection/);
  strictEqual(await sallyport.leases(), 1);
  const ended = new Promise((resolve) => held[0]!.on("close", resolve));
  held[0]!.resume().end();
  await ended;
  strictEqual((await execOn(client, "echo again")).stdout, "again\n");
});
