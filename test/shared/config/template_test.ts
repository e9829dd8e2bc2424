import assert from "node:assert/strict";
import type { Template } from "../../../shared/config/host_settings.ts";
import { parseConfig } from "../../../shared/config/load.ts";
import { ConfigError } from "../../../shared/config/mistakes.ts";
import { pamOf, parseTeleportPam } from "../../../shared/config/teleport.ts";
import { parseTemplate } from "../../../shared/config/template.ts";

const good: Record<string, Template> = {
  "": [],
  "plain text, even {one} brace": [{ text: "plain text, even {one} brace" }],
  "{{external.team}}": [{ external: "team" }],
  "{{ external.team }}": [{ external: "team" }],
  '{{external["team"]}}': [{ external: "team" }],
  '{{external["https://idp.example.org/claims/first.name"]}}': [
    { external: "https://idp.example.org/claims/first.name" },
  ],
  '{{external["quote\\" and \\\\"]}}': [{ external: 'quote" and \\' }],
  "{{internal.logins}}": [{ internal: "logins" }],
  '{{internal["logins"]}}': [{ internal: "logins" }],
  "team-{{external.team}}!": [{ text: "team-" }, { external: "team" }, { text: "!" }],
  "{{external.a}}{{external.b}}": [{ external: "a" }, { external: "b" }],
  "{{external.a}}, {{internal.logins}}": [{ external: "a" }, { text: ", " }, { internal: "logins" }],
};

const bad = [
  "{{team}}",
  "{{external}}",
  "{{external.}}",
  "{{external.a.b}}",
  "{{external.first-name}}",
  "{{external.1st}}",
  "{{external[team]}}",
  "{{external['team']}}",
  '{{external["team}}',
  '{{external["team"]["x"]}}',
  '{{external[""]}}',
  '{{external["\\x"]}}',
  `{{external["${"x".repeat(129)}"]}}`,
  "{{internal.roles}}",
  "{{user.name}}",
  "{{External.team}}",
  "{{email.local(external.email)}}",
  "{{}}",
  "{{external.team}",
  "external.team}}",
  "{{{{external.team}}}}",
  "{{external.a}} {{external.b",
  "NUL \0",
];

for (const [text, template] of Object.entries(good)) {
  Deno.test(`parseTemplate() takes ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseTemplate(text), template);
  });
}

Deno.test("parseTemplate() takes no other namespace, name, function or brace", () => {
  for (const text of bad) assert.equal(parseTemplate(text), null, text);
});

function mistakes(text: string, parse: (text: string, file: string) => unknown = parseConfig): string[] {
  try {
    parse(text, "f");
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.mistakes;
    throw cause;
  }
  return [];
}

const forms =
  'text, in quotes, in which {{external.NAME}} or {{external["any name"]}} stands for a trait and {{internal.logins}} for the logins';
const names =
  "named with 1 to 128 printable ASCII characters without = and blanks, and neither LD_* nor DYLD_*, which steer the loader, nor one of PAM's or SSH's own such as PAM_USER or SSH_CONNECTION";
const key = "ssh_service.pam.environment";

Deno.test("parseConfig() names file, line, column and the accepted forms of a template", () => {
  const head = "ssh_service:\n  pam:\n    environment:\n      GOOD: fine\n";
  const cases = {
    'TEAM: "{{team.external}}"': `f:5:13: ${key}.TEAM must be ${forms}, not "{{team.external}}"`,
    "TEAM: {{external.team}}": `f:5:13: ${key}.TEAM must be ${forms}, not a map of keys`,
    "PORT: 22": `f:5:13: ${key}.PORT must be ${forms}, not 22`,
    "EMPTY:": `f:5:13: ${key}.EMPTY must be ${forms}, not nothing`,
    "LD_PRELOAD: x": `f:5:7: ${key}.LD_PRELOAD must be ${names}`,
    "dyld_library_path: x": `f:5:7: ${key}.dyld_library_path must be ${names}`,
    "SSH_CONNECTION: x": `f:5:7: ${key}.SSH_CONNECTION must be ${names}`,
    "PAM_USER: root": `f:5:7: ${key}.PAM_USER must be ${names}`,
    '"": x': `f:5:7: ${key}."" must be ${names}`,
    "A=B: x": `f:5:7: ${key}."A=B" must be ${names}`,
    '"NUL\\0": x': `f:5:7: ${key}."NUL\\u0000" must be ${names}`,
    [`${"N".repeat(129)}: x`]: `f:5:7: ${key}.${"N".repeat(129)} must be ${names}`,
  };
  for (const [line, sentence] of Object.entries(cases)) {
    assert.deepEqual(mistakes(`${head}      ${line}\n`), [sentence], line);
  }
});

Deno.test("the environment is read at top level, below teleport and from a teleport.yaml alike", () => {
  const top = 'ssh_service:\n  pam:\n    environment: {A: "{{external.a}}"}\n';
  const nested = 'teleport:\n  ssh_service:\n    pam:\n      environment: {A: "{{external.a}}"}\n';
  const wanted = { A: [{ external: "a" }] };
  for (const text of [top, nested]) {
    assert.deepEqual(pamOf(parseConfig(text, "f")).environment, wanted);
    assert.deepEqual(parseTeleportPam(text, "f").pam.environment, wanted);
  }
  const wrong = nested.replace("external.a", "extern.a");
  for (const parse of [parseConfig, parseTeleportPam]) {
    assert.match(mistakes(wrong, parse)[0] ?? "", /^f:4:24: teleport\.ssh_service\.pam\.environment\.A must/);
  }
});
