import assert from "node:assert/strict";
import { loadConfig, parseConfig } from "../../../shared/config/load.ts";
import { ConfigError } from "../../../shared/config/mistakes.ts";
import { pamOf } from "../../../shared/config/teleport.ts";

function mistakes(text: string): string[] {
  try {
    parseConfig(text, "f");
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.mistakes;
    throw cause;
  }
  return [];
}

function enabled(word: string): boolean {
  return pamOf(parseConfig(`ssh_service: {pam: {enabled: ${word}}}`, "f")).enabled;
}

Deno.test("parseConfig() takes yes, true and on in any case, as word or boolean", () => {
  for (const word of ["yes", "Yes", "YES", "true", "True", "on", '"yes"', '"true"', "'On'"]) {
    assert.equal(enabled(word), true, word);
  }
  for (const word of ["no", "No", "false", "FALSE", "off", '"no"', "'off'"]) {
    assert.equal(enabled(word), false, word);
  }
});

Deno.test("parseConfig() takes the words of YAML 1.1, which are booleans there", () => {
  const text = "%YAML 1.1\n---\nssh_service: {pam: {enabled: yes, use_pam_auth: off}}\n";
  assert.equal(pamOf(parseConfig(text, "f")).enabled, true);
});

Deno.test("parseConfig() names file, line, column, key, value and the accepted words of `enabled: ture`", () => {
  assert.deepEqual(mistakes("ssh_service:\n  pam:\n    enabled: ture\n"), [
    'f:3:14: ssh_service.pam.enabled must be yes or no (true, false, on and off mean the same), not "ture"',
  ]);
  for (const word of ["", "1", "y", "[yes]", '""', "enabled"]) {
    assert.equal(mistakes(`ssh_service: {pam: {enabled: ${word}}}`).length, 1, word);
  }
});

Deno.test("parseConfig() gives the first sample of Teleport's guide and the others the same meaning", () => {
  const nested =
    "teleport:\n   ssh_service:\n      pam:\n         enabled: yes\n         service_name: teleport\n";
  const top = "ssh_service:\n   pam:\n     enabled: yes\n     service_name: teleport\n";
  assert.deepEqual(pamOf(parseConfig(nested, "f")), pamOf(parseConfig(top, "f")));
  assert.equal(pamOf(parseConfig(top, "f")).service_name, "teleport");
  assert.match(mistakes(nested + top)[0] ?? "", /^f:2:4: teleport\.ssh_service must not be given beside/);
});

Deno.test("parseConfig() has PAM off and the service sshd when nothing is said, as Teleport", () => {
  const { enabled, service_name } = pamOf(parseConfig("", "f"));
  assert.deepEqual([enabled, service_name], [false, "sshd"]);
});

Deno.test("parseConfig() suggests the key that was meant", () => {
  const cases = {
    "gatway: {}": "gateway",
    "log: {levle: info}": "level",
    "ssh_service: {pam: {service-name: x}}": "service_name",
    "host: {maxleases: 3, name: a, identity: b, trust: c}": "max_leases",
  };
  for (const [text, meant] of Object.entries(cases)) {
    const [sentence = ""] = mistakes(text);
    assert.ok(sentence.endsWith(`is not a key; did you mean ${meant}?`), sentence);
  }
  const [sentence = ""] = mistakes("log: {colour: red}");
  assert.ok(sentence.endsWith("log.colour is not a key; accepted here: level, format"), sentence);
});

Deno.test("parseConfig() tells all mistakes at once, in the order of the file", () => {
  const found = mistakes("log:\n  level: loud\nroles:\n  r: {logins: ['a b']}\nhost:\n  name: a b\nfoo: 1\n");
  assert.deepEqual(found.map((sentence) => sentence.split(" ")[1]), [
    "log.level",
    "roles.r.logins[0]",
    "host.identity",
    "host.trust",
    "host.name",
    "foo",
  ]);
});

Deno.test("parseConfig() refuses a repeated key, broken YAML and a file that is no map, with the line", () => {
  assert.deepEqual(mistakes("log: {}\nhost: {}\nlog: {}\n"), [
    'f:3:1: "log" is given already in line 1; keep one of the two',
  ]);
  assert.deepEqual(mistakes("roles:\n  'a:b': {logins: [x]}\n  \"a:b\": {logins: [y]}\n"), [
    'f:3:3: "a:b" is given already in line 2; keep one of the two',
  ]);
  assert.match(mistakes("log:\n  - a\n b: 1")[0] ?? "", /^f:3:\d+: /);
  assert.match(mistakes("- a\n")[0] ?? "", /^f:1:1: The file must be a map of keys, not a list$/);
});

Deno.test("parseConfig() says that a tab cannot indent, and in which line", () => {
  const sentence =
    "YAML is indented with blanks only; put blanks in place of the tab at the start of this line";
  for (const text of ["log:\n\tlevel: info\n", "log:\n  \tlevel: info\n"]) {
    assert.deepEqual(mistakes(text), [`f:2:${text.indexOf("\t") - 4}: ${sentence}`]);
  }
  assert.deepEqual(mistakes("log: {level: info,\n\tformat: json}\n"), [`f:2:2: ${sentence}`]);
});

Deno.test("parseConfig() refuses a key with options, of an unknown type, or whose blob is another type's", () => {
  const blob = "AAAAC3NzaC1lZDI1NTE5AAAAIGQ4mmhpePOPxhYTHJdDK0bkjYlnhZcZpHTvoP6dbxOs";
  const user = (key: string) => mistakes(`users:\n  - name: a\n    keys:\n      - '${key}'\n`);
  assert.deepEqual(user(`ssh-ed25519 ${blob} me@home`), []);
  for (
    const key of [
      `restrict ssh-ed25519 ${blob}`,
      `command="id" ssh-ed25519 ${blob}`,
      `ssh-rsa ${blob}`,
      `ssh-ed25519 ${blob.slice(0, -8)}`,
      `ssh-dss ${blob}`,
      "ssh-ed25519",
      "",
    ]
  ) assert.match(user(key)[0] ?? "no mistake", /^f:4:9: users\[0\]\.keys\[0\] must be a public key/, key);
});

Deno.test("parseConfig() refuses a role nobody defined and a user twice", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQ4mmhpePOPxhYTHJdDK0bkjYlnhZcZpHTvoP6dbxOs";
  const user = `  - {name: a, keys: [${key}], roles: [devs]}\n`;
  const found = mistakes(`roles: {dev: {logins: [x]}}\nusers:\n${user}${user}`);
  assert.equal(found.length, 3);
  assert.match(found[0] ?? "", /names the role "devs", which is not defined; did you mean dev\?$/);
  assert.match(found[2] ?? "", /^f:4:12: users\[1\]\.name must be a name no other user has, not "a"$/);
});

Deno.test("parseConfig() refuses PAM's auth stack without PAM, wherever both are given", () => {
  const pam = "ssh_service: {pam: {enabled: no, use_pam_auth: yes}}";
  assert.deepEqual(mistakes(pam), [
    "f:1:48: ssh_service.pam.use_pam_auth must be no unless ssh_service.pam.enabled is yes",
  ]);
  assert.match(
    mistakes(`teleport: {${pam}}`)[0] ?? "",
    /^f:1:59: teleport\.ssh_service\.pam\.use_pam_auth must/,
  );
});

Deno.test("parseConfig() refuses ways in that are none, and roles of pam_logins that nobody defined", () => {
  for (
    const list of [
      "hostbased",
      "password,publickey",
      "publickey,publickey",
      "",
      "publickey,password,password",
    ]
  ) {
    const found = mistakes(
      `gateway: {host_keys: [k], identity: i, trust: t, host: h, AuthenticationMethods: ["${list}"]}`,
    );
    assert.match(found[0] ?? "no mistake", /AuthenticationMethods\[0\] must be one of publickey \|/, list);
  }
  assert.match(
    mistakes("pam_logins: {ada: [dev]}")[0] ?? "",
    /^f:1:20: pam_logins\.ada\[0\] names the role "dev"/,
  );
  assert.equal(mistakes("roles: {r: {logins: [x]}}\npam_logins: {../x: [r]}").length, 1);
});

Deno.test("parseConfig() refuses an embedded broker that bus.servers does not name", () => {
  const found = (listen: string, servers: string) =>
    mistakes(`broker: {identities: i, listen: "${listen}"}\nbus:\n  servers: [${servers}]\n`);
  assert.deepEqual(found("127.0.0.1:4333", '"nats://127.0.0.1:4222", "nats://10.0.0.1:4333"'), [
    "f:3:12: bus.servers must name nats://127.0.0.1:4333, where broker.listen puts the embedded broker, not nats://127.0.0.1:4222, nats://10.0.0.1:4333; make them agree, or remove the section broker to use a NATS server of your own",
  ]);
  assert.equal(found("[::1]:4222", '"nats://10.0.0.1"').length, 1);
  assert.deepEqual(found("127.0.0.1:4333", '"nats://10.0.0.1:1", "nats://localhost:4333"'), []);
  assert.deepEqual(found("[::1]:4222", '"nats://[::1]"'), []);
  assert.deepEqual(mistakes("broker: {identities: i}\n"), []);
  const [sentence = ""] = mistakes('broker:\n  identities: i\n  listen: "127.0.0.1:4333"\n');
  assert.match(sentence, /^f:1:1: bus\.servers must name nats:\/\/127\.0\.0\.1:4333/);
});

Deno.test("parseConfig() refuses service names that libpam would cut to another one", () => {
  for (const name of ["../sshd", "a/b", ".hidden", '""', "'a b'"]) {
    assert.equal(mistakes(`ssh_service: {pam: {service_name: ${name}}}`).length, 1, name);
  }
});

Deno.test("parseConfig() does not follow names of Object's own", () => {
  for (const key of ["__proto__", "constructor", "toString"]) {
    assert.equal(mistakes(`${key}: {}`).length, 1, key);
    assert.equal(mistakes(`log: {${key}: 1}`).length, 1, key);
  }
});

Deno.test("loadConfig() says in one sentence that there is no such file", () => {
  assert.throws(() => loadConfig("/nonexistent/f.yaml"), {
    name: "ConfigError",
    message: "Cannot read /nonexistent/f.yaml: there is no such file",
  });
});

Deno.test("parseConfig() takes AuthenticationMethods in one line as sshd_config has it, and one role for a login of PAM", () => {
  const text = (ways: string) =>
    `gateway: {host_keys: [k], identity: i, trust: t, host: h, AuthenticationMethods: ${ways}}
roles: {r: {logins: [x]}}
pam_logins: {ada: r}`;
  const { gateway, pam_logins } = parseConfig(text('"publickey,password  keyboard-interactive"'), "f");
  assert.deepEqual(gateway?.AuthenticationMethods, [["publickey", "password"], ["keyboard-interactive"]]);
  assert.deepEqual(pam_logins, { ada: ["r"] });
  assert.match(
    mistakes(text('"publickey pasword"'))[0] ?? "",
    /^f:1:82: gateway\.AuthenticationMethods must be one of publickey \| .*, not "publickey pasword"$/,
  );
  assert.match(
    mistakes("roles: {r: {logins: [x]}}\npam_logins: {ada: dev}")[0] ?? "",
    /^f:2:\d+: pam_logins\.ada\[0\] names the role "dev"/,
  );
});
