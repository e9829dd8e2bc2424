import assert from "node:assert/strict";
import { join } from "node:path";
import { parseConfigFile } from "../../../shared/config/load.ts";
import { toBrokerConfig, toGatewaySettings, toHostSettings } from "../../../shared/config/settings.ts";

const host =
  "host: {name: h, identity: id, trust: /etc/t, nkey: n, pam_confdir: pam.d, LoginGraceTime: 1m}\n";

function source(text: string, folder = "/srv/sp") {
  return parseConfigFile(text, join(folder, "sallyport.yaml"));
}

Deno.test("toHostSettings() resolves names of files against the configuration's folder", () => {
  const settings = toHostSettings(source(host));
  assert.equal(settings.identityFile, "/srv/sp/id");
  assert.equal(settings.trustFile, "/etc/t");
  assert.equal(settings.pam.confdir, "/srv/sp/pam.d");
  assert.equal(settings.bus.nkeySeedFile, "/srv/sp/n");
  assert.equal(settings.loginGraceMs, 60_000);
  assert.deepEqual(settings.acceptEnv, ["LANG", "LC_*"]);
});

Deno.test("toHostSettings() refuses a PAM service without a file, which libpam would run as `other`", () => {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-config-" });
  try {
    const text = host + "ssh_service: {pam: {enabled: yes, service_name: teleprot}}";
    assert.throws(() => toHostSettings(source(text, folder)), {
      message:
        `${folder}/sallyport.yaml:2:49: ssh_service.pam.service_name must be a service that exists, not "teleprot": there is no such file in ${folder}/pam.d; write one, or name another`,
    });
    Deno.mkdirSync(`${folder}/pam.d`);
    Deno.writeTextFileSync(`${folder}/pam.d/teleprot`, "");
    assert.equal(toHostSettings(source(text, folder)).pam.serviceName, "teleprot");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("toHostSettings() takes the PAM keys of a teleport.yaml in place of its own", () => {
  const pam = { enabled: false, service_name: "other", use_pam_auth: false, environment: {} };
  const keys = { pam, placeOf: () => "t:1:1" };
  assert.deepEqual(toHostSettings(source(host + "ssh_service: {pam: {enabled: yes}}"), keys).pam, {
    enabled: false,
    serviceName: "other",
    confdir: "/srv/sp/pam.d",
    usePamAuth: false,
    requirePamAuth: true,
    systemLogins: [],
    environment: {},
  });
});

Deno.test("toGatewaySettings() and the others say which section is missing", () => {
  for (const make of [toGatewaySettings, toHostSettings, toBrokerConfig]) {
    assert.throws(() => make(source("log: {}")), {
      name: "ConfigError",
      message: /is missing; this service needs/,
    });
  }
});

Deno.test("toGatewaySettings() has the defaults of examples/sallyport.yaml", () => {
  const settings = toGatewaySettings(source("gateway: {host_keys: [k], identity: i, trust: t, host: h}"));
  assert.deepEqual(settings.listen, [{ hostname: "0.0.0.0", port: 2222 }]);
  assert.deepEqual(settings.hostKeyFiles, ["/srv/sp/k"]);
  assert.equal(settings.loginGraceMs, 120_000);
  assert.equal(settings.bus.nkeySeedFile, null);
  assert.equal(settings.sessionTimeoutMs, 120_000);
  assert.deepEqual(settings.authenticationMethods, [["publickey"]]);
});

Deno.test("toGatewaySettings() offers PAM alone where somebody may use it, and what is given as it is given", () => {
  const gateway = "host_keys: [k], identity: i, trust: t, host: h";
  const alone = toGatewaySettings(
    source(`gateway: {${gateway}}\nroles: {r: {logins: [a]}}\npam_logins: {a: [r]}`),
  );
  assert.deepEqual(alone.authenticationMethods, [["publickey"], ["keyboard-interactive"], ["password"]]);
  const given = toGatewaySettings(
    source(`gateway: {${gateway}, AuthenticationMethods: ["publickey,password"]}`),
  );
  assert.deepEqual(given.authenticationMethods, [["publickey", "password"]]);
});
