import assert from "node:assert/strict";
import { parseTeleportPam } from "../../../shared/config/teleport.ts";

Deno.test("parseTeleportPam() reads ssh_service.pam alone and leaves Teleport its own keys", () => {
  const text = `version: v3
teleport:
  nodename: web1
  data_dir: /var/lib/teleport
ssh_service:
  enabled: "yes"
  labels: {env: prod}
  pam:
    enabled: "yes"
    service_name: teleport
`;
  const { pam, placeOf } = parseTeleportPam(text, "teleport.yaml");
  assert.deepEqual([pam.enabled, pam.service_name], [true, "teleport"]);
  assert.equal(placeOf("service_name"), "teleport.yaml:10:19");
  assert.equal(placeOf("use_pam_auth"), "teleport.yaml:8:3");
});

Deno.test("parseTeleportPam() names line and key of a mistake in the guide's nested form", () => {
  const text = "teleport:\n   ssh_service:\n      pam:\n         enabled: yess\n";
  assert.throws(() => parseTeleportPam(text, "teleport.yaml"), {
    message:
      'teleport.yaml:4:19: teleport.ssh_service.pam.enabled must be yes or no (true, false, on and off mean the same), not "yess"',
  });
});

Deno.test("parseTeleportPam() has PAM off in a file without PAM keys", () => {
  assert.equal(parseTeleportPam("auth_service: {enabled: yes}", "f").pam.enabled, false);
});
