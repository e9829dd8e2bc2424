import { strictEqual } from "node:assert/strict";
import { Fleet, sshPort } from "../../examples/fleet/fleet.ts";
import { run } from "../support/command.ts";

Deno.test("every host is reached through every gateway", async () => {
  const t = performance.now();
  await using fleet = await Fleet.start();
  console.log(performance.now() - t);
  for (const gateway of fleet.gateways) {
    for (const host of fleet.hosts) {
      const { stdout, stderr } = await run([
        ...["ssh", "-F", "none", "-p", String(sshPort), "-i", fleet.files.keyFile, "-o", "BatchMode=yes"],
        ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-l", `ada+${host.name}`],
        ...["-o", "LogLevel=ERROR", gateway.address, "hostname"],
      ]);
      strictEqual(stdout + stderr, `${host.name}\n`);
    }
  }
});
