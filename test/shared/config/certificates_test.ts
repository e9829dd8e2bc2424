import assert from "node:assert/strict";
import { parseCertificates } from "../../../shared/config/certificates.ts";
import { ConfigError } from "../../../shared/config/mistakes.ts";

Deno.test("parseCertificates() reads the lines that keys writes", () => {
  const text =
    "ssh-ed25519-cert-v01@openssh.com AAAA gate-1 web-1\n\nssh-ed25519-cert-v01@openssh.com AAEC gate-2 web-1\n";
  assert.deepEqual(parseCertificates(text, "f"), [
    { gateway: "gate-1", host: "web-1", base64: "AAAA" },
    { gateway: "gate-2", host: "web-1", base64: "AAEC" },
  ]);
});

Deno.test("parseCertificates() names the line that is none", () => {
  for (const line of ["x", "t AAAA gate-1", "t ?? gate-1 web-1", "t AAAA gate-1 web.1"]) {
    assert.throws(
      () => parseCertificates(`t AAAA gate-1 web-1\n${line}\n`, "f"),
      (error) => error instanceof ConfigError && /^f:2:1: a line must be/.test(error.message),
    );
  }
});
