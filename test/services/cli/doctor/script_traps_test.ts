import assert from "node:assert/strict";
import { scriptFindings } from "../../../../services/cli/doctor/script_traps.ts";

const seed = (name: string) =>
  Deno.readTextFileSync(new URL(`../../../golden/seed/${name}`, import.meta.url));

/** `line: first words` of each finding. */
function found(text: string, file = "f"): string[] {
  return scriptFindings(text, file).map(({ where, what }) => `${where}: ${what.slice(0, 28)}`);
}

const hereDocument = "This here-document is not qu";
const ampersand = '"&>" is not a redirection fo';
const empty = 'There is an empty "" where t';
const exitZero = '"exit 0" hides that useradd ';
const predictable = "/tmp/pam.error is written as";

Deno.test("scriptFindings() names each trap of the guide's install commands", () => {
  assert.deepEqual(found(seed("pam_exec.install.txt")), [
    `f:2: ${hereDocument}`,
    `f:4: ${ampersand}`,
    `f:5: ${exitZero}`,
    `f:4: ${predictable}`,
  ]);
  assert.deepEqual(found(seed("pam_script.install.txt")), [
    `f:2: ${hereDocument}`,
    `f:5: ${ampersand}`,
    `f:6: ${exitZero}`,
    `f:5: ${predictable}`,
  ]);
});

Deno.test("scriptFindings() names each trap of the scripts those commands install", () => {
  for (const [name, first] of [["pam_exec.installed.sh", 2], ["pam_script.installed.sh", 3]] as const) {
    assert.deepEqual(found(seed(name)), [
      `f:${first}: ${ampersand}`,
      `f:${first}: ${empty}`,
      `f:${first + 1}: ${exitZero}`,
      `f:${first}: ${predictable}`,
    ]);
  }
});

Deno.test("scriptFindings() reads the guide itself, whatever stands between its shell blocks", () => {
  const lines = found(seed("guide.md"), "guide.md").map((line) => line.split(": ")[0]);
  assert.deepEqual(lines.map((where) => Number(where?.split(":")[1])), [
    123,
    176,
    125,
    126,
    125,
    179,
    180,
    179,
  ]);
});

Deno.test("scriptFindings() has nothing to say of the scripts in examples", () => {
  for (
    const name of ["pam-exec.d/create-account", "pam-exec.d/teleport_acct", "pam-script.d/pam_script_acct"]
  ) {
    const text = Deno.readTextFileSync(new URL(`../../../../examples/${name}`, import.meta.url));
    assert.deepEqual(found(text), [], name);
  }
});

Deno.test("scriptFindings() leaves quoted here-documents and bash's own &> alone", () => {
  assert.deepEqual(found("cat > f <<'EOF'\n#!/bin/sh\nid $X\nEOF\n"), []);
  assert.deepEqual(found("cat > f <<\\EOF\necho ${X}\nEOF\n"), []);
  assert.deepEqual(found("cat > f <<EOF\nno variables, \\$1 escaped\nEOF\n"), []);
  assert.deepEqual(found("#!/bin/bash\nid x &>/dev/null || exit 3\n"), []);
  assert.deepEqual(found("#!/bin/sh\n# id x &>/dev/null\n"), []);
});

Deno.test("scriptFindings() sees `|| true` behind useradd, and no harm in exit 0 under set -e", () => {
  assert.match(found("useradd -m x || true\n")[0] ?? "", /hides/);
  assert.deepEqual(found("#!/bin/sh\nset -eu\nuseradd -m x\nexit 0\n"), []);
  assert.deepEqual(found('#!/bin/sh\nlogger "useradd failed" || true\n'), []);
});
