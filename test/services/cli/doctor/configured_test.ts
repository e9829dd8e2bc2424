import assert from "node:assert/strict";
import { configuredFindings } from "../../../../services/cli/doctor/configured.ts";
import { openState } from "../../../../services/cli/start/state.ts";
import { freePort } from "../../../support/ports.ts";

/** What the doctor says of the files of a first start after `change`, as `where what`. */
async function findingsAfter(change: (folder: string) => void): Promise<string[]> {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-doctor-" });
  Deno.chmodSync(folder, 0o711);
  try {
    openState(folder, { hostname: "127.0.0.1", port: freePort() });
    change(folder);
    const found = await configuredFindings(`${folder}/sallyport.yaml`, undefined);
    return found.map(({ severity, where, what, remedy }) =>
      `${severity} ${where ?? ""} ${what}; ${remedy}`.replaceAll(folder, "DIR")
    )
      // Nothing runs here, which is not what these tests are about.
      .filter((text) => !text.includes("embedded broker does not run"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function edit(file: string, from: string, to: string): void {
  Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replace(from, to));
}

Deno.test("configuredFindings() has nothing to say of a first start", async () => {
  assert.deepEqual(await findingsAfter(() => {}), []);
});

Deno.test("configuredFindings() warns when the gateway's host is not the host of the same machine, with the line", async () => {
  const [finding, ...more] = await findingsAfter((folder) =>
    edit(`${folder}/sallyport.yaml`, "  host: local", "  host: locla")
  );
  assert.match(
    finding ?? "",
    /^warning DIR\/sallyport\.yaml:\d+:9 .*means the host locla, and this machine's host is local; set gateway\.host to local/,
  );
  assert.deepEqual(more, []);
});

Deno.test("configuredFindings() names an identity of the wrong kind or name", async () => {
  const swapped = await findingsAfter((folder) =>
    Deno.copyFileSync(`${folder}/host.identity`, `${folder}/gateway.identity`)
  );
  assert.equal(swapped.length, 1);
  assert.match(
    swapped[0] ?? "",
    /^error DIR\/gateway\.identity .*it is the identity of the host local, not of the gateway gateway; .*keys issue --kind gateway --name gateway$/,
  );
  const renamed = await findingsAfter((folder) => {
    edit(`${folder}/sallyport.yaml`, "host:\n  name: local", "host:\n  name: web1");
    edit(`${folder}/sallyport.yaml`, "  host: local", "  host: web1");
  });
  assert.equal(renamed.length, 1);
  assert.match(renamed[0] ?? "", /^error DIR\/host\.identity .*the host local, not of the host web1/);
});

Deno.test("configuredFindings() names the line of a switched-off PAM", async () => {
  const [finding] = await findingsAfter((folder) =>
    edit(`${folder}/sallyport.yaml`, "enabled: yes", "enabled: no")
  );
  assert.match(finding ?? "", /^warning DIR\/sallyport\.yaml:\d+:14 PAM is off/);
});
