/** Between gateway and host a real nats-server whose operator reads everything and changes what it likes. */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { shell } from "../support/command.ts";
import { type Evil, startOnHostileNats } from "../support/hostile_nats.ts";
import { made } from "../support/killed_transfer.ts";
import { Lines } from "../support/lines.ts";
import { newLogin, uidOf } from "../support/logins.ts";
import { sshArguments } from "../support/ssh.ts";

const evil: Evil = { lost: 0.02, repeated: 0.03, delayed: 0.03, altered: 0.02, replayed: 0.03, made: 0.03 };
/** Some hundred frames in either direction. */
const bytes = 4_000_000;
const heartbeat = /^sallyport\.beat\./;

Deno.test("whoever runs the bus reads no word of a session, and alters, doubles or takes away none", async (t) => {
  await using on = await startOnHostileNats(20_241_123);
  const { sallyport, operator } = on;
  const login = newLogin();
  strictEqual((await sallyport.ssh(login, "exit 7")).code, 7);

  await t.step("what is typed and what is answered", async () => {
    const secret = crypto.randomUUID();
    operator.wanted.add(secret);
    operator.wanted.add("credential"); // A word of every heartbeat: it does look.
    operator.evil = evil;
    await using client = sallyport.spawn(login, 'while read -r line; do echo "> $line"; done; exit 7');
    const output = new Lines(client.stdout);
    const input = client.stdin.getWriter();
    for (let line = 0; line < 100; line++) {
      await input.write(new TextEncoder().encode(`${secret} ${line}\n`));
      strictEqual(await output.next(), `> ${secret} ${line}`);
    }
    await input.close();
    strictEqual((await client.status).code, 7);
    await output.cancel();
    await client.stderr.cancel();
    deepStrictEqual([...operator.found], ["credential"]);
  });

  await t.step("files in both directions", async () => {
    const sum = (await shell(`${made(login, bytes)} | sha256sum`)).stdout;
    const down = sshArguments(sallyport, login, [], [made(login, bytes)]);
    strictEqual((await shell('"$@" | sha256sum', down, { timeoutMs: 60_000 })).stdout, sum);
    const up = sshArguments(sallyport, login, [], ["sha256sum"]);
    const upload = await shell(`${made(login, bytes)} | "$@"`, up, { timeoutMs: 60_000 });
    strictEqual(upload.stdout, sum);
    for (const [what, times] of Object.entries(operator.done)) ok(times > 0, `nothing was ${what}`);
  });
  operator.evil = null;

  await t.step("requests said again open nothing, and heartbeats of before are not believed", async () => {
    const requests = operator.seen.filter(({ subject }) => subject.startsWith("sallyport.open."));
    ok(requests.length >= 4);
    const answers = await Promise.all(
      requests.map(async ({ subject, data }) => {
        const { data: reply } = await operator.hostSide.request(subject, data, { timeout: 10_000 });
        return JSON.parse(new TextDecoder().decode(reply)).problem;
      }),
    );
    // What is older than any replay is remembered has expired.
    for (const answer of answers) match(answer, /^(replayed|expired)$/);
    await using client = sallyport.spawn(login, "echo up; cat");
    const output = new Lines(client.stdout);
    strictEqual(await output.next(), "up");
    for (const { subject, data } of operator.seen.filter(({ subject }) => heartbeat.test(subject))) {
      operator.hostSide.publish(subject, data);
      operator.gatewaySide.publish(subject, data);
    }
    await operator.hostSide.flush();
    await operator.gatewaySide.flush();
    const stranger = newLogin();
    strictEqual((await sallyport.ssh(stranger, "exit 7")).code, 7);
    ok(await uidOf(stranger) !== null);
    const input = client.stdin.getWriter();
    await input.write(new TextEncoder().encode("still here\n"));
    strictEqual(await output.next(), "still here");
    await input.close();
    strictEqual((await client.status).code, 0);
    await output.cancel();
    await client.stderr.cancel();
  });
});
