import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { readIdentity } from "../../shared/trust/identity.ts";
import { signRevocations } from "../../shared/trust/revocations.ts";
import type { Member } from "../../examples/fleet/fleet.ts";
import { startFleet, type TestFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";
import { until } from "../support/wait.ts";

/** How a list gets into a fleet: as a file at one host. */
async function bring(fleet: TestFleet, to: Member, serial: number, revoked: Member[]): Promise<void> {
  const folder = fleet.fleet.folder;
  const keys = revoked.map((member) => {
    const text = Deno.readTextFileSync(`${folder}/${member.party.kind}s/${member.name}/identity`);
    return readIdentity(text).credential.publicKey;
  });
  const secret = await Deno.readTextFile(`${folder}/fleet.key`);
  const line = signRevocations(secret, { serial, issuedAt: Date.now(), revoked: keys });
  await Deno.writeTextFile(`${folder}/${to.party.kind}s/${to.name}/revocations`, line);
}

Deno.test("who is revoked at one host is so in the whole fleet: sessions end, logins are refused, a restart remembers", async (t) => {
  await using fleet = await startFleet({ hosts: 2, gateways: 2 });
  const [first, second] = [fleet.hosts[0]!, fleet.hosts[1]!];
  const [good, bad] = [fleet.gateways[0]!, fleet.gateways[1]!];
  const login = newLogin();
  const through = (gateway: Member, host: Member) => fleet.talk(`${login}+${host.name}`, [], gateway);

  await t.step("a gateway", async () => {
    const lost = [await through(bad, first), await through(bad, second)];
    const stays = await through(good, second);
    await bring(fleet, first, 1, [bad]);
    for (const talk of lost) strictEqual((await talk.ended).code, 255);
    await stays.line();
    strictEqual((await stays.end()).code, 0);
    for (const host of [first, second]) {
      const { code } = await fleet.ssh(`${login}+${host.name}`, "true", { gateway: bad });
      strictEqual(code, 255, `${host.name} lets a revoked gateway in`);
    }
    await until("the gateway says so", () => bad.logs().includes("This gateway is revoked"));
    await until(
      "root has kept the list on the other host",
      () => second.logs().includes("List 1 of revoked members is in force"),
    );
    deepStrictEqual(fleet.sessions(second, login), { opened: 2, closed: 2 });
  });

  await t.step("a host", async () => {
    const lost = await through(good, second);
    const stays = await through(good, first);
    await bring(fleet, first, 2, [bad, second]);
    const { code, said } = await lost.ended;
    strictEqual(code, 255);
    match(said, /host/i);
    await stays.line();
    strictEqual((await stays.end()).code, 0);
    strictEqual((await fleet.ssh(`${login}+${second.name}`, "true", { gateway: good })).code, 255);
  });

  await t.step("a restart remembers, though the file that was brought is gone", async () => {
    await Deno.remove(`${fleet.fleet.folder}/${first.party.kind}s/${first.name}/revocations`);
    const from = good.logs().length;
    await fleet.kill(good, "gateway");
    await fleet.restart(good);
    match(good.logs().slice(from), /Listening on/);
    strictEqual((await fleet.ssh(`${login}+${second.name}`, "true", { gateway: good })).code, 255);
    strictEqual((await fleet.ssh(`${login}+${first.name}`, "exit 7", { gateway: good })).code, 7);
  });
});
