import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { sign } from "node:crypto";
import {
  authorityLine,
  certificateType,
  openHostCertificate,
  publicKeyBlob,
  rawKeyOf,
  signHostCertificate,
} from "../../../shared/trust/host_certificate.ts";
import { createFleetKey } from "../../../shared/trust/identity.ts";
import { privateKeyFromText } from "../../../shared/trust/keys.ts";

const fleet = createFleetKey();
const hostKey = createFleetKey().publicKey;
const blob = signHostCertificate(fleet.secret, {
  hostKey,
  principals: ["web-1", "web"],
  keyId: "gate-1 for web-1",
});

Deno.test("a host certificate is what ssh-keygen reads of it", async () => {
  const file = await Deno.makeTempFile({ suffix: "-cert.pub" });
  await Deno.writeTextFile(file, `${certificateType} ${blob.toBase64()} x\n`);
  const { stdout } = await new Deno.Command("ssh-keygen", { args: ["-L", "-f", file] }).output();
  await Deno.remove(file);
  const text = new TextDecoder().decode(stdout);
  match(text, /Type: ssh-ed25519-cert-v01@openssh\.com host certificate/);
  match(text, /Signing CA: ED25519 SHA256:\S+ \(using ssh-ed25519\)/);
  match(text, /Key ID: "gate-1 for web-1"/);
  match(text, /Valid: forever/);
  match(text, /Principals: \s+web-1\s+web\s+Critical Options: \(none\)\s+Extensions: \(none\)/);
});

Deno.test("openHostCertificate() reads what signHostCertificate() has signed", () => {
  const { publicKey, principals } = openHostCertificate(blob, fleet.publicKey)!;
  deepStrictEqual([publicKey, principals], [hostKey, ["web-1", "web"]]);
});

Deno.test("openHostCertificate() takes nothing of another fleet, nothing altered, cut or longer", () => {
  strictEqual(openHostCertificate(blob, createFleetKey().publicKey), null);
  for (let length = 0; length < blob.length; length++) {
    strictEqual(openHostCertificate(blob.subarray(0, length), fleet.publicKey), null, `cut at ${length}`);
    const altered = blob.slice();
    altered[length]! ^= 1;
    strictEqual(openHostCertificate(altered, fleet.publicKey), null, `altered at ${length}`);
  }
  strictEqual(openHostCertificate(new Uint8Array(100_000), fleet.publicKey), null);
});

Deno.test("openHostCertificate() takes nothing that goes on after the signature, which ssh would call damaged", () => {
  strictEqual(openHostCertificate(Uint8Array.of(...blob, 0), fleet.publicKey), null);
  // The same inside the signature's own string, whose length is 83 and stands 87 bytes before the end.
  const inside = Uint8Array.of(...blob, 0);
  inside[blob.length - 84]!++;
  strictEqual(openHostCertificate(inside, fleet.publicKey), null);
});

Deno.test("openHostCertificate() takes none of the fleet's that is over, or not yet begun", () => {
  const [expired, future] = [blob.slice(), blob.slice()];
  const validBefore = new TextDecoder("latin1").decode(blob).indexOf("\xff".repeat(8));
  expired[validBefore] = 0;
  future[validBefore - 8] = 1;
  for (const other of [expired, future]) {
    strictEqual(openHostCertificate(signedAnew(other), fleet.publicKey), null);
  }
  notStrictEqual(openHostCertificate(signedAnew(blob), fleet.publicKey), null);
});

/** With a signature of the fleet's over what it says now: the last 64 bytes, in a string of 83 bytes. */
function signedAnew(certificate: Uint8Array): Uint8Array {
  const bytes = certificate.slice();
  const key = privateKeyFromText(fleet.secret.trim());
  bytes.set(sign(null, bytes.subarray(0, -87), key), bytes.length - 64);
  return bytes;
}

Deno.test("rawKeyOf() is the way back from publicKeyBlob(), and knows no other type", () => {
  strictEqual(rawKeyOf(publicKeyBlob(hostKey)), hostKey);
  strictEqual(rawKeyOf(new TextEncoder().encode("\0\0\0\x07ssh-rsa")), null);
  match(authorityLine(fleet.publicKey), /^@cert-authority \* ssh-ed25519 AAAA\S+ sallyport$/);
});
