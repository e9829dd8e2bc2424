import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { AccessPolicy } from "../../../services/gateway/access.ts";
import { publickey } from "../../../services/gateway/auth/publickey.ts";
import type { Attempt } from "../../../services/gateway/auth/method.ts";
import { entranceOf } from "../../../services/gateway/entrance.ts";
import { role } from "./roles_kit.ts";
import type { Hosts } from "../../../services/gateway/hosts.ts";

function keyPair() {
  const { private: secret, public: line } = ssh2.utils.generateKeyPairSync("ed25519");
  const parsed = ssh2.utils.parseKey(secret);
  if (parsed instanceof Error) throw parsed;
  return { line, key: parsed, blob: parsed.getPublicSSH() };
}

const alice = keyPair();
const mallory = keyPair();
const policy = new AccessPolicy([{ name: "alice", keys: [alice.line], roles: ["r"], traits: {} }], {
  r: role({ logins: ["root"] }),
});
const signed = Buffer.from("what is signed");

const noHosts = { lastHeard: () => null } as unknown as Hosts;

/** root on a host that was never heard. */
function entrance(policy: AccessPolicy) {
  return entranceOf({ to: "account", target: { login: "root", host: "web1" } }, policy, noHosts, "127.0.0.1");
}

interface Claim {
  algo?: string;
  data?: Buffer;
  signature?: Buffer;
}

function judge({ algo = "ssh-ed25519", data = alice.blob, signature }: Claim) {
  const context = { method: "publickey", key: { algo, data }, signature, blob: signature && signed };
  return publickey.judge({ context, entrance: entrance(policy) } as unknown as Attempt);
}

Deno.test("publickey accepts the holder's own signature", () => {
  const verdict = judge({ signature: alice.key.sign(signed) });
  assert.equal((verdict as { verdict: string }).verdict, "accepted");
});

Deno.test("publickey welcomes a key of the policy before it is used, and no other", () => {
  assert.deepEqual(judge({}), { verdict: "key-welcome" });
  assert.equal((judge({ data: mallory.blob }) as { verdict: string }).verdict, "rejected");
});

Deno.test("publickey refuses a signature by another key", () => {
  assert.equal((judge({ signature: mallory.key.sign(signed) }) as { verdict: string }).verdict, "rejected");
});

Deno.test("publickey verifies with the key the policy knows, whatever the algorithm's name smuggles in", () => {
  const signature = mallory.key.sign(signed);
  const smuggled = mallory.blob.toString("base64");
  for (
    const algo of [`ssh-ed25519 ${smuggled} x`, `ssh-ed25519 ${smuggled}\n`, `ssh-ed25519\n${smuggled} `, ""]
  ) {
    assert.equal(
      (judge({ algo, signature }) as { verdict: string }).verdict,
      "rejected",
      JSON.stringify(algo),
    );
  }
});

Deno.test("publickey refuses blobs that are no key, and trailing bytes", () => {
  const odd = new AccessPolicy(
    [alice.blob.subarray(0, 20), Buffer.concat([alice.blob, Buffer.from("x")]), Buffer.alloc(2)].map((
      data,
    ) => ({
      name: "odd",
      keys: [`ssh-ed25519 ${data.toString("base64")}`],
      roles: ["r"],
      traits: {},
    })),
    { r: role({ logins: ["root"] }) },
  );
  for (
    const data of [alice.blob.subarray(0, 20), Buffer.concat([alice.blob, Buffer.from("x")]), Buffer.alloc(2)]
  ) {
    const context = { method: "publickey", key: { algo: "ssh-ed25519", data } };
    const verdict = publickey.judge({ context, entrance: entrance(odd) } as unknown as Attempt);
    assert.equal((verdict as { verdict: string }).verdict, "rejected");
  }
});
