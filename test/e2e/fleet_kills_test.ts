/** SIGKILL of each part of a fleet, without `host.detach`: sessions end, PAM is closed, and the next login works. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Member, type Part, startFleet, type TestFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";
import { until } from "../support/wait.ts";

/** Heartbeats that are missed, and a little for hanging up. */
const gatewayLossMs = 20_000;

async function killUnderSession(fleet: TestFleet, host: Member, victim: Member, part: Part): Promise<number> {
  const login = newLogin();
  const talk = await fleet.talk(`${login}+${host.name}`);
  deepStrictEqual(fleet.sessions(host, login), { opened: 1, closed: 0 });
  await fleet.kill(victim, part);
  const killedAt = performance.now();
  await until("PAM is closed", () => fleet.sessions(host, login).closed === 1, { timeoutMs: 60_000 });
  const tookMs = performance.now() - killedAt;
  await until("no lease is left", () => fleet.leases(host) === 0, { timeoutMs: 30_000 });
  deepStrictEqual(fleet.sessions(host, login), { opened: 1, closed: 1 });
  strictEqual((await talk.ended).code, 255);
  return tookMs;
}

Deno.test("a part of the fleet is killed: its sessions end with PAM closed once, and others go on", async (t) => {
  await using fleet = await startFleet({ hosts: 2, gateways: 2 });
  const [first, second] = [fleet.hosts[0]!, fleet.hosts[1]!];
  const bystander = await fleet.talk(`${newLogin()}+${second.name}`, [], fleet.gateways[1]!);

  await t.step("a gateway: within 20 seconds", async () => {
    const tookMs = await killUnderSession(fleet, first, fleet.gateways[0]!, "gateway");
    strictEqual(tookMs < gatewayLossMs, true, `${tookMs} ms`);
    await fleet.restart(fleet.gateways[0]!);
  });

  for (const part of ["dispatcher", "monitor"] as const) {
    await t.step(`a ${part}`, async () => {
      await killUnderSession(fleet, first, first, part);
      if (part === "monitor") await fleet.restart(first);
    });
  }

  await t.step("logins work again, and who was elsewhere noticed nothing", async () => {
    await until(
      "a login",
      async () => (await fleet.ssh(`${newLogin()}+${first.name}`, "exit 7")).code === 7,
      {
        timeoutMs: 30_000,
        everyMs: 300,
      },
    );
    await bystander.line();
    strictEqual((await bystander.end()).code, 0);
  });
});
