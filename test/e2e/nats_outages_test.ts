/** A real nats-server that dies, hangs or stays away: sessions go on, not a byte is lost, and nothing hangs for ever. */

import { match, strictEqual } from "node:assert/strict";
import { shell } from "../support/command.ts";
import { killedTransfer, lastingPids, made } from "../support/killed_transfer.ts";
import { newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { startOnNats } from "../support/real_nats.ts";
import { span, until } from "../support/wait.ts";

const [bytes, kills] = [100_000_000, 3];
/** As long as nats-server waits for a client that takes nothing (write_deadline, 10 s), and then some. */
const silentMs = 14_000;

Deno.test(`not a byte is lost or doubled when nats-server is killed ${kills} times in a transfer`, async () => {
  await killedTransfer(bytes, kills);
});

Deno.test("a session goes on after nats-server has hung until everybody has noticed", async () => {
  await using on = await startOnNats();
  const { sallyport, nats } = on;
  await using client = sallyport.spawn(newLogin(), 'while read -r line; do echo "$line"; done; exit 7');
  const input = client.stdin.getWriter();
  const output = client.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const say = (text: string) => input.write(new TextEncoder().encode(`${text}\n`));
  await say("before");
  strictEqual((await output.read()).value, "before\n");
  nats.freeze();
  await say("meanwhile");
  const noticed = () => sallyport.logs().split("\n").filter((line) => /The bus is down/.test(line)).length;
  await until("gateway and dispatcher have noticed", () => noticed() >= 2, { timeoutMs: 40_000 });
  nats.thaw();
  strictEqual((await output.read()).value, "meanwhile\n");
  await input.close();
  strictEqual((await client.status).code, 7);
  await output.cancel();
  await client.stderr.cancel();
});

Deno.test(`a client that reads nothing for ${silentMs / 1_000} s gets every byte, and costs nobody else the bus`, async () => {
  await using on = await startOnNats();
  const { sallyport, nats } = on;
  const login = newLogin();
  const sum = (await shell(`${made(login, bytes)} | sha256sum`)).stdout;
  await using client = sallyport.spawn(login, made(login, bytes));
  const other = newLogin();
  const reader = client.stdout.getReader();
  const first = (await reader.read()).value!;
  reader.releaseLock();
  signal(client.pid, "SIGSTOP");
  const [downs, pid] = [/The bus is down/g, nats.pid];
  await span(silentMs);
  strictEqual((await sallyport.ssh(other, "exit 7")).code, 7);
  signal(client.pid, "SIGCONT");
  const summing = new Deno.Command("sha256sum", { stdin: "piped", stdout: "piped" }).spawn();
  const writer = summing.stdin.getWriter();
  await writer.write(first);
  writer.releaseLock();
  await client.stdout.pipeTo(summing.stdin);
  strictEqual(new TextDecoder().decode((await summing.output()).stdout), sum);
  strictEqual((sallyport.logs().match(downs) ?? []).length, 0);
  strictEqual(nats.pid, pid);
  await client.stderr.cancel();
  await client.stdin.close();
});

Deno.test("when the bus stays away longer than bus.session_timeout both ends end the session, and PAM is closed", async () => {
  await using on = await startOnNats({ config: { bus: { session_timeout: 3 } } });
  const { sallyport, nats } = on;
  const login = newLogin();
  await using client = sallyport.spawn(login, "echo up; exec cat", ["-o", "LogLevel=INFO"]);
  const output = client.stdout.getReader();
  await output.read();
  strictEqual(await sallyport.leases(), 1);
  const before = lastingPids(sallyport);
  await nats.kill();
  const said = await new Response(client.stderr).text();
  strictEqual((await client.status).code, 255);
  match(said, /The host does not answer/);
  await until("PAM is closed", async () => await sallyport.leases() === 0, { timeoutMs: 30_000 });
  match(await sallyport.refusal(login), /lost its connection to the bus|does not answer/);
  await nats.start();
  const works = async () => (await sallyport.ssh(login, "exit 7")).code === 7;
  await until("new logins work", works, { timeoutMs: 30_000, everyMs: 300 });
  strictEqual(lastingPids(sallyport), before);
  await output.cancel();
  await client.stdin.close().catch(() => {});
});
