import assert from "node:assert/strict";
import type { Lease } from "../../../../services/gateway/lease.ts";
import { makeBareAccounts, newLogin } from "../../../support/logins.ts";
import { until } from "../../../support/wait.ts";
import { HostKit, terminal, TestChannel } from "../host_kit.ts";

const settings = { detachMs: 600_000 };

/** A lease for `login`, whose shell reads no file of anybody's. */
async function leaseFor(host: HostKit, login: string): Promise<Lease> {
  const lease = await host.open(login);
  assert.equal(await lease.decision, "accepted");
  return lease;
}

Deno.test("A host tells each person of their own sessions, and keeps so many for them", async (t) => {
  const login = newLogin();
  await makeBareAccounts([login]);
  await using host = await HostKit.start({ settings });
  const lease = await leaseFor(host, login);
  const shell = new TestChannel(lease, null, { terminal });
  const command = new TestChannel(lease, "read line", { terminal });
  const pipes = new TestChannel(lease, "cat");
  await Promise.all([shell.opened, command.opened, pipes.opened]);

  await t.step("those on a terminal, as they are", async () => {
    const told = await host.sessions();
    assert.deepEqual(told.map(({ id: _, ageMs: _age, idleMs: _idle, ...rest }) => rest), [
      { login, from: "192.0.2.7", attached: true },
      { login, from: "192.0.2.7", attached: true },
    ]);
    for (const { ageMs, idleMs } of told) assert.ok(idleMs <= ageMs && ageMs < 60_000);
    assert.deepEqual(await host.sessions("bob"), []);
  });

  await t.step("once the client is cut off they wait, and what had no terminal is gone", async () => {
    void lease.detach();
    await until("both wait", async () => (await host.sessions()).every(({ attached }) => !attached));
    assert.equal((await host.sessions()).length, 2);
  });

  await t.step("the last of too many are kept", async () => {
    const many = await leaseFor(host, login);
    const shells = Array.from({ length: 33 }, () => new TestChannel(many, "read line", { terminal }));
    await Promise.all(shells.map(({ opened }) => opened));
    void many.detach();
    await until("the oldest are gone", async () => (await host.sessions()).length === 32);
  });
});

Deno.test("A session is taken up by one channel of a terminal, and ended by an orderly client", async () => {
  const login = newLogin();
  await makeBareAccounts([login]);
  await using host = await HostKit.start({ settings });
  const lease = await leaseFor(host, login);
  const command = "trap 'stty size' WINCH; printf 'marked\\033[6n\\n'; while :; do sleep 0.05; done";
  const first = new TestChannel(lease, command, { terminal });
  await first.shows(/marked/);
  void lease.detach();
  const [waiting] = await until("it waits", async () => {
    const told = await host.sessions();
    return told[0] && !told[0].attached ? told : null;
  });

  const stranger = await host.open(login, { user: "bob", session: 0 });
  await assert.rejects(stranger.decision, { problem: "attach-none" });

  const again = await host.open(login, { session: waiting!.id });
  assert.equal(await again.decision, "accepted");
  assert.deepEqual(await new TestChannel(again, "true").over, { type: "failed", problem: "attach-only" });
  assert.deepEqual(await new TestChannel(again, null).over, { type: "failed", problem: "attach-only" });
  const size = { columns: 100, rows: 30, widthPx: 0, heightPx: 0 };
  const second = new TestChannel(again, null, { terminal: { ...terminal, size } });
  await second.shows(/30 100/);
  assert.match(second.stdout, /^marked\r\n/, "without the question for the cursor's place");
  const third = new TestChannel(again, null, { terminal });
  assert.deepEqual(await third.over, { type: "failed", problem: "attach-only" });
  void again.close();
  await until("it has ended", async () => (await host.sessions()).length === 0);
});
