import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { maxRevocationsBytes, maxRevoked } from "../../../shared/protocol/limits.ts";
import { loadFleetTrust } from "../../../shared/trust/files.ts";
import { createFleetKey, trustText } from "../../../shared/trust/identity.ts";
import { keepRevocations } from "../../../shared/trust/keep_revocations.ts";
import {
  FleetTrust,
  latestRevocations,
  openRevocations,
  signRevocations,
} from "../../../shared/trust/revocations.ts";

const fleet = createFleetKey();
const list = (serial: number, revoked: string[], secret = fleet.secret) =>
  signRevocations(secret, { serial, issuedAt: 1, revoked });

Deno.test("openRevocations() gives what the fleet key has signed, and refuses every changed byte of it", () => {
  const line = list(3, ["a", "b"]);
  const { serial, revoked } = openRevocations(line, fleet.publicKey);
  deepStrictEqual([serial, revoked], [3, ["a", "b"]]);
  const { body, signature } = JSON.parse(line);
  const bytes = Uint8Array.fromBase64(body);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 1;
    throws(
      () => openRevocations(JSON.stringify({ body: changed.toBase64(), signature }), fleet.publicKey),
      { name: "TrustError" },
      `byte ${at}`,
    );
  }
});

Deno.test("openRevocations() refuses another fleet's list, and rubbish", () => {
  const stranger = list(3, [], createFleetKey().secret);
  throws(() => openRevocations(stranger, fleet.publicKey), { problem: "not-trusted" });
  for (const line of ["", "{}", "[]", '{"body":"","signature":""}', "x".repeat(maxRevocationsBytes + 1)]) {
    throws(() => openRevocations(line, fleet.publicKey), { problem: "malformed" });
  }
});

Deno.test("the longest list can be sent, and a longer one cannot be signed", () => {
  const key = new Uint8Array(32).fill(255).toBase64();
  const longest = new Array<string>(maxRevoked).fill(key);
  strictEqual(openRevocations(list(1, longest), fleet.publicKey).revoked.length, maxRevoked);
  throws(() => list(1, [...longest, key]), RangeError);
});

Deno.test("FleetTrust takes newer lists alone, and what its own trust file revokes stays so", () => {
  const trust = new FleetTrust({ fleetKey: fleet.publicKey, revoked: ["host:old"] });
  const open = (serial: number, revoked: string[]) => openRevocations(list(serial, revoked), fleet.publicKey);
  strictEqual(trust.adopt(open(2, ["a"])), true);
  strictEqual(trust.adopt(open(1, [])), false);
  strictEqual(trust.adopt(open(2, [])), false);
  deepStrictEqual([trust.serial, trust.revoked], [2, ["host:old", "a"]]);
  strictEqual(trust.adopt(open(3, ["a", "b"])), true);
  deepStrictEqual(trust.revoked, ["host:old", "a", "b"]);
});

Deno.test("latestRevocations() takes the newest line, whatever is torn or forged beside it", () => {
  const torn = list(9, ["torn"]);
  const text = [
    list(2, ["b"]),
    list(3, ["c"]),
    list(8, ["forged"], createFleetKey().secret),
    torn.slice(0, torn.length / 2),
  ].join("\n");
  deepStrictEqual(latestRevocations(text, fleet.publicKey)?.revoked, ["c"]);
  strictEqual(latestRevocations("", fleet.publicKey), null);
});

Deno.test("loadFleetTrust() takes the newer of the list that was brought and the list that was kept", async () => {
  const folder = await Deno.makeTempDir({ prefix: "trust-" });
  const files = { trustFile: `${folder}/trust`, revocationsFile: `${folder}/kept/host.revocations` };
  await Deno.writeTextFile(files.trustFile, trustText(fleet.publicKey));
  strictEqual(loadFleetTrust(files).serial, 0);
  keepRevocations(files.revocationsFile, openRevocations(list(4, ["kept"]), fleet.publicKey), "test");
  await Deno.writeTextFile(`${folder}/revocations`, list(3, ["brought"]));
  deepStrictEqual(loadFleetTrust(files).revoked, ["kept"]);
  await Deno.writeTextFile(`${folder}/revocations`, list(5, ["brought"]));
  deepStrictEqual(loadFleetTrust(files).revoked, ["brought"]);
  deepStrictEqual([...Deno.readDirSync(`${folder}/kept`)].map(({ name }) => name), ["host.revocations"]);
  await Deno.remove(folder, { recursive: true });
});
