import assert from "node:assert/strict";
import { expandEnvironment, type Facts } from "../../../../services/host/worker/pam_environment.ts";
import type { Template } from "../../../../shared/config/host_settings.ts";
import { maxPamEnvironmentBytes, maxPamValueBytes } from "../../../../shared/protocol/limits.ts";
import { makeAccount, newLogin } from "../../../support/logins.ts";
import { Bench } from "./worker_kit.ts";

const facts: Facts = {
  traits: { team: ["web", "db"], site: ["", "north"], none: [], blank: [""], long: ["é".repeat(6_000)] },
  logins: ["ada", "web-*"],
};

function expand(templates: Record<string, Template>, of: Facts = facts) {
  const warnings: { message: string; properties: Record<string, unknown> }[] = [];
  const variables = expandEnvironment(templates, of, (message, properties) => {
    warnings.push({ message, properties });
  });
  return { variables: Object.fromEntries(variables), warnings };
}

Deno.test("expandEnvironment() joins values by a space, and repeats text around a single template as Teleport does", () => {
  const { variables, warnings } = expand({
    LITERAL: [{ text: "as it is" }],
    EMPTY: [],
    TEAM: [{ external: "team" }],
    GROUPS: [{ text: "g-" }, { external: "team" }, { text: "!" }],
    LOGINS: [{ internal: "logins" }],
    BOTH: [{ external: "team" }, { text: "/" }, { internal: "logins" }],
    SITE: [{ text: "at " }, { external: "site" }],
  });
  assert.deepEqual(variables, {
    LITERAL: "as it is",
    EMPTY: "",
    TEAM: "web db",
    GROUPS: "g-web! g-db!",
    LOGINS: "ada web-*",
    BOTH: "web db/ada web-*",
    SITE: "at north",
  });
  assert.deepEqual(warnings, []);
});

Deno.test("expandEnvironment() leaves out what nothing is known for, and warns once, with names and no values", () => {
  const { variables, warnings } = expand({
    A: [{ external: "nobody" }],
    B: [{ external: "none" }],
    C: [{ external: "blank" }, { text: " " }, { external: "team" }],
    D: [{ external: "toString" }],
    E: [{ external: "team" }],
  });
  assert.deepEqual(variables, { E: "web db" });
  assert.deepEqual(warnings, [{
    message: "PAM's environment goes without {variables}, for nothing is known of {facts}",
    properties: {
      variables: "A, B, C, D",
      facts: "external.nobody, external.none, external.blank, external.toString",
    },
  }]);
  const { warnings: [warning] } = expand({ L: [{ internal: "logins" }] }, { traits: {}, logins: [] });
  assert.equal(warning?.properties.facts, "internal.logins");
});

Deno.test("expandEnvironment() cuts a long value between two characters", () => {
  const { variables, warnings } = expand({ LONG: [{ text: "x" }, { external: "long" }] });
  assert.equal(variables.LONG, `x${"é".repeat((maxPamValueBytes - 2) / 2)}`);
  assert.deepEqual(warnings.map(({ properties }) => properties), [{
    variables: "LONG",
    bytes: maxPamValueBytes,
  }]);
});

Deno.test("expandEnvironment() stays within the bound of all variables together", () => {
  const names = Array.from({ length: 10 }, (_, index) => `V${index}`);
  const { variables, warnings } = expand(
    Object.fromEntries(names.map((name) => [name, [{ text: "x".repeat(10_000) }]])),
  );
  assert.deepEqual(Object.keys(variables), names.slice(0, Math.floor(maxPamEnvironmentBytes / 10_003)));
  assert.deepEqual(warnings.map(({ properties }) => properties), [{
    variables: "V6, V7, V8, V9",
    bytes: maxPamEnvironmentBytes,
  }]);
});

Deno.test("modules, session and a janitor see the same variables, however long", async () => {
  const stack = `
account required pam_permit.so
auth required pam_permit.so
session required pam_exec.so quiet %/show.sh
session required pam_permit.so
`;
  const environment: Record<string, Template> = {
    TEAM: [{ external: "team" }],
    TELEPORT_ROLES: [{ text: "overwritten" }],
  };
  for (let index = 0; index < 6; index++) environment[`BIG${index}`] = [{ text: "\t".repeat(10_000) }];
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench(stack, { pam: { environment } });
  const show = 'echo "$TEAM/$TELEPORT_ROLES/$TELEPORT_LOGIN/${#BIG5}"';
  bench.write(
    "show.sh",
    `#!/bin/sh\n{ printf '%s ' "$PAM_TYPE"; ${show}; } >> ${bench.path("pam.log")}\n`,
    0o755,
  );
  using worker = bench.login(login);
  const seen = `web db/overwritten/${login}/10000`;
  assert.equal(worker.run(1, show).output, `${seen}\n`);
  worker.kill();
  bench.clean();
  assert.deepEqual(bench.pamLog(), [`open_session ${seen}`, `close_session ${seen}`]);
  assert.deepEqual(bench.journal(), []);
});
