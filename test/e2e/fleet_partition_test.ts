import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { startFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";
import { until } from "../support/wait.ts";

Deno.test("a host that was cut off long enough to be missed by everybody goes on with its sessions", async () => {
  await using fleet = await startFleet({ hosts: 1, gateways: 1 });
  const [host, gateway] = [fleet.hosts[0]!, fleet.gateways[0]!];
  const login = newLogin();
  const talk = await fleet.talk(`${login}+${host.name}`);
  const [leaver, before] = [newLogin(), host.logs().length];
  const leaving = fleet.spawn(`${leaver}+${host.name}`, "echo up; exec sleep 1000");
  const output = leaving.stdout.getReader();
  await output.read();
  await fleet.partition(host);
  const line = await talk.say();
  // Somebody else leaves meanwhile: the host hears of it when it is back.
  leaving.kill("SIGKILL");
  await leaving.status;
  await until("the host misses the bus", () => host.logs().slice(before).includes("bus is down"), {
    timeoutMs: 30_000,
  });
  await until(
    "the gateway misses the host",
    async () => (await fleet.ssh(`${login}+${host.name}`, "true", { gateway })).code === 255,
    { timeoutMs: 30_000 },
  );
  await fleet.heal(host);
  await talk.hears(line, 30_000);
  await talk.line();
  await until("who has left has no session any more", () => fleet.sessions(host, leaver).closed === 1, {
    timeoutMs: 30_000,
  });
  await output.cancel();
  await leaving.stderr.cancel();
  await leaving.stdin.close().catch(() => {});
  deepStrictEqual(fleet.sessions(host, login), { opened: 1, closed: 0 });
  strictEqual((await talk.end()).code, 0);
  await until("PAM is closed", () => fleet.sessions(host, login).closed === 1);
});

Deno.test("a host that was cut off for longer than bus.session_timeout has ended its sessions, and so has the gateway", async () => {
  const config = () => ({ bus: { session_timeout: 3 } });
  await using fleet = await startFleet({ hosts: 1, gateways: 1, config });
  const host = fleet.hosts[0]!;
  const login = newLogin();
  const talk = await fleet.talk(`${login}+${host.name}`);
  const idle = await fleet.talk(`${login}+${host.name}`);
  await fleet.partition(host);
  await talk.say();
  for (const { ended } of [talk, idle]) {
    const { code, said } = await ended;
    strictEqual(code, 255);
    match(said, /host/i);
  }
  await until("PAM is closed", () => fleet.sessions(host, login).closed === 2, { timeoutMs: 40_000 });
  deepStrictEqual(fleet.sessions(host, login), { opened: 2, closed: 2 });
  strictEqual(fleet.leases(host), 0);
  await fleet.heal(host);
  await until(
    "new logins work",
    async () => (await fleet.ssh(`${login}+${host.name}`, "exit 7")).code === 7,
    {
      timeoutMs: 40_000,
    },
  );
});
