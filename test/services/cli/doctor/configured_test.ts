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
    /^error DIR\/gateway\.identity .*it is the identity of the host local, not of the gateway gateway; .*keys add-gateway gateway$/,
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

Deno.test("configuredFindings() says that use_pam_auth asks a stack without auth lines", async () => {
  const asking = (folder: string) =>
    edit(`${folder}/sallyport.yaml`, "enabled: yes", "enabled: yes\n    use_pam_auth: yes");
  assert.deepEqual(await findingsAfter(asking), [], "the stack of a first start has some");
  const [finding, ...more] = await findingsAfter((folder) => {
    asking(folder);
    edit(`${folder}/pam.d/sallyport`, "auth       required     pam_unix.so\n", "");
  });
  assert.match(
    finding ?? "",
    /^error DIR\/pam\.d\/sallyport:1 There is no auth line, and ssh_service\.pam\.use_pam_auth .*; add a line such as: auth required pam_unix\.so; or set/,
  );
  assert.deepEqual(more, []);
});

Deno.test("configuredFindings() takes includes from /etc/pam.d, as libpam does, and not from beside the file", async () => {
  const including = (name: string) => (folder: string) => {
    Deno.writeTextFileSync(`${folder}/pam.d/beside`, "session optional pam_permit.so\n");
    const file = `${folder}/pam.d/sallyport`;
    Deno.writeTextFileSync(file, `${Deno.readTextFileSync(file)}@include ${name}\n`);
  };
  assert.deepEqual(await findingsAfter(including("common-session-noninteractive")), []);
  const [finding] = await findingsAfter(including("beside"));
  assert.match(
    finding ?? "",
    /^error DIR\/pam\.d\/sallyport:\d+ There is no service file "beside" to include/,
  );
});

Deno.test("configuredFindings() names a damaged ledger of accounts", async () => {
  const [finding, ...more] = await findingsAfter((folder) => {
    edit(`${folder}/sallyport.yaml`, "\nbus:", "  accounts: {mode: keep, ledger: accounts.json}\n\nbus:");
    Deno.writeTextFileSync(`${folder}/accounts.json`, "{", { mode: 0o600 });
  });
  assert.match(
    finding ?? "",
    /^error DIR\/accounts\.json The ledger of accounts cannot be used.*; The ledger of accounts DIR\/accounts\.json is damaged; restore it/,
  );
  assert.deepEqual(more, []);
});

Deno.test("configuredFindings() has visudo read the rules for sudo, and names the wrong one and its line", async () => {
  const rules = (list: string) => (folder: string) =>
    edit(
      `${folder}/sallyport.yaml`,
      "\nbus:",
      `  accounts:\n    mode: keep\n    ledger: accounts.json\n    sudoers: ${list}\n\nbus:`,
    );
  assert.deepEqual(await findingsAfter(rules('["ALL=(ALL) ALL"]')), []);
  const [finding, ...more] = await findingsAfter(rules('["ALL=(ALL) ALL", "ALL=(ALL ALL"]'));
  assert.match(
    finding ?? "",
    /^error DIR\/sallyport\.yaml:\d+:32 host\.accounts\.sudoers\[1\] is not understood by sudo \(syntax error\), so no account can be made;/,
  );
  assert.deepEqual(more, []);
});

Deno.test("configuredFindings() warns of ways in by PAM where the host does not ask PAM", async () => {
  const found = await findingsAfter((folder) => {
    const file = `${folder}/sallyport.yaml`;
    edit(
      file,
      "  host: local",
      "  host: local\n  AuthenticationMethods: publickey,password keyboard-interactive",
    );
    Deno.writeTextFileSync(file, `${Deno.readTextFileSync(file)}pam_logins: {ada: newcomers}\n`);
  });
  assert.equal(found.length, 2, found.join("\n"));
  assert.match(
    found[0] ?? "",
    /^warning DIR\/sallyport\.yaml:\d+:13 pam_logins is for .* the host local has use_pam_auth off, so it lets none of them in; set ssh_service\.pam\.use_pam_auth to yes/,
  );
  assert.match(
    found[1] ?? "",
    /^warning DIR\/sallyport\.yaml:\d+:26 gateway\.AuthenticationMethods names publickey,password keyboard-interactive, which needs PAM/,
  );
});
