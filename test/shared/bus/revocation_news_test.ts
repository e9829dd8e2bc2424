import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { RevocationNews } from "../../../shared/bus/revocation_news.ts";
import { heartbeatTimeoutMs } from "../../../shared/protocol/limits.ts";
import { gatewayAllowList, hostAllowList, revocationsSubject } from "../../../shared/protocol/subjects.ts";
import { createFleetKey } from "../../../shared/trust/identity.ts";
import { FleetTrust, openRevocations, signRevocations } from "../../../shared/trust/revocations.ts";
import { connectTestBus } from "../../services/broker/clients.ts";
import { identity, serverKinds, TestServer } from "../../services/broker/servers.ts";
import { until } from "../../support/wait.ts";

const fleet = createFleetKey();
const signed = (serial: number, secret = fleet.secret) =>
  signRevocations(secret, { serial, issuedAt: 1, revoked: [`key-${serial}`] });
const listed = (serial: number) => openRevocations(signed(serial), fleet.publicKey);

for (const kind of serverKinds) {
  Deno.test(`RevocationNews over ${kind}: who is behind is told, and nobody takes what is old or forged`, async () => {
    const identities = {
      gate: identity(gatewayAllowList("gate")),
      one: identity(hostAllowList("one")),
      two: identity(hostAllowList("two")),
    };
    await using server = await TestServer.start(kind, Object.values(identities));
    const clock = { now: 0 };
    const join = async (name: keyof typeof identities) => {
      const test = await connectTestBus(server, identities[name], name);
      const trust = new FleetTrust({ fleetKey: fleet.publicKey, revoked: [] });
      const [newer, withheld]: [number[], [string, number][]] = [[], []];
      const news = new RevocationNews({
        bus: test.bus,
        trust,
        onNewer: ({ serial }) => newer.push(serial),
        onWithheld: (...report) => withheld.push(report),
        now: () => clock.now,
      });
      await test.bus.flush();
      const dispose = async () => {
        news[Symbol.dispose]();
        await test[Symbol.asyncDispose]();
      };
      return { bus: test.bus, trust, newer, withheld, news, [Symbol.asyncDispose]: dispose };
    };
    await using gate = await join("gate");
    await using one = await join("one");
    await using two = await join("two");
    const say = async (line: string) => {
      two.bus.publish(revocationsSubject, new TextEncoder().encode(line));
      await two.bus.flush();
      await gate.bus.flush();
      await one.bus.flush();
    };

    one.news.tell(listed(2));
    await until("all have it", () => gate.trust.serial === 2 && two.trust.serial === 2);
    deepStrictEqual([one.newer, gate.newer, two.newer], [[2], [2], [2]]);
    deepStrictEqual(gate.trust.revoked, ["key-2"]);

    await say(signed(1));
    await say(signed(9, createFleetKey().secret));
    await say("rubbish");
    await say("");
    deepStrictEqual([gate.newer, one.newer], [[2], [2]]);

    // It has been away, as its heartbeat shows.
    await using late = await joinLate(server, identities.two);
    gate.news.memberHas("two", 0);
    one.news.memberHas("two", 0);
    await until("it is told", () => late.heard.length > 0);
    strictEqual(openRevocations(late.heard[0]!, fleet.publicKey).serial, 2);

    gate.news.memberHas("one", 7);
    clock.now += heartbeatTimeoutMs - 1;
    gate.news.memberHas("one", 7);
    deepStrictEqual(gate.withheld, []);
    clock.now += 1;
    gate.news.memberHas("one", 7);
    gate.news.memberHas("one", 7);
    deepStrictEqual(gate.withheld, [["one", 7]]);
  });
}

/** Somebody who only listens. */
async function joinLate(server: TestServer, who: ReturnType<typeof identity>) {
  const test = await connectTestBus(server, who, "two");
  const heard: string[] = [];
  test.bus.subscribe(revocationsSubject, ({ data }) => void heard.push(new TextDecoder().decode(data)));
  await test.bus.flush();
  return { heard, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}
