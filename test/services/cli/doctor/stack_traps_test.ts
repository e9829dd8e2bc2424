import assert from "node:assert/strict";
import type { Finding } from "../../../../services/cli/doctor/finding.ts";
import { readStack } from "../../../../shared/pam/read_stack.ts";
import { type Files, stackFindings } from "../../../../services/cli/doctor/stack_traps.ts";

const seed = (name: string) =>
  Deno.readTextFileSync(new URL(`../../../golden/seed/${name}`, import.meta.url));
const modules = ["exec", "script", "motd", "permit", "unix", "limits", "loginuid", "deny"];

/** A machine with all modules in /m and these files, executable unless their name ends in `-`. */
function machine(...paths: string[]): Files {
  const all = [...modules.map((name) => `/m/pam_${name}.so`), ...paths.map((path) => path.replace(/-$/, ""))];
  return {
    isFile: (path) => all.includes(path),
    isExecutable: (path) => all.includes(path) && !paths.includes(`${path}-`),
    list: (folder) =>
      all.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1)),
    moduleFolders: ["/m"],
  };
}

function findings(text: string, files: Files, others: Record<string, string> = {}): Finding[] {
  const resolve = (service: string) => {
    const included = others[service];
    return included === undefined ? null : { file: service, text: included };
  };
  return stackFindings(readStack(text, "f", resolve), "f", files);
}

function sentences(text: string, files: Files, others?: Record<string, string>): string[] {
  return findings(text, files, others).map(({ where, what }) => `${where}: ${what}`);
}

Deno.test("stackFindings() says that the guide's session stack ends in Permission denied", () => {
  const [only, ...more] = findings(seed("pam_exec.stack"), machine("/etc/pam-exec.d/teleport_acct"));
  assert.deepEqual(more, []);
  assert.equal(only?.where, "f:2");
  assert.match(only?.what ?? "", /^pam_motd\.so only ever answers "ignore", .*"Permission denied"/);
  assert.equal(only?.remedy, "add as its last line: session required pam_permit.so");
});

Deno.test("stackFindings() says that pam_script never runs the guide's script: wrong folder and wrong name", () => {
  const found = findings(seed("pam_script.stack"), machine("/etc/pam-script.d/teleport_acct"));
  assert.equal(found.length, 2);
  assert.match(
    found[1]?.what ?? "",
    /pam_script runs \/usr\/share\/libpam-script\/pam_script_acct and nothing else/,
  );
  assert.equal(
    found[1]?.remedy,
    "rename /etc/pam-script.d/teleport_acct to /etc/pam-script.d/pam_script_acct and write: pam_script.so dir=/etc/pam-script.d",
  );
});

Deno.test("stackFindings() has nothing to say of the stacks in examples once their scripts are installed", () => {
  const installed = machine(
    "/etc/pam-exec.d/create-account",
    "/etc/pam-exec.d/teleport_acct",
    "/etc/pam-script.d/pam_script_acct",
  );
  for (const name of ["sallyport", "teleport-pam-exec", "teleport-pam-script"]) {
    const text = Deno.readTextFileSync(new URL(`../../../../examples/pam.d/${name}`, import.meta.url));
    assert.deepEqual(sentences(text, installed), [], name);
  }
});

Deno.test("stackFindings() says what is missing: module, script, execute bit, include, a whole facility", () => {
  const permit = "account required pam_permit.so\nsession required pam_permit.so\n";
  const cases: [string, RegExp, Files][] = [
    [`${permit}session required pam_nope.so`, /^f:3: The module pam_nope\.so is not installed/, machine()],
    [`${permit}account required pam_exec.so quiet /x`, /^f:3: There is no \/x/, machine()],
    [`${permit}account required pam_exec.so /x`, /^f:3: \/x is not executable/, machine("/x-")],
    [`${permit}@include common-x`, /^f:3: There is no service file "common-x"/, machine()],
    [`${permit}session substack common-x`, /^f:3: There is no service file "common-x"/, machine()],
    ["account required pam_permit.so", /^f:1: There is no session line/, machine()],
    [`${permit}sesion required pam_permit.so`, /^f:3: libpam does not understand/, machine()],
    [`${permit}session required pam_exec.so type=session /x`, /knows no type "session"/, machine("/x")],
  ];
  for (const [text, expected, files] of cases) {
    const found = sentences(text, files);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0] ?? "", expected);
  }
});

Deno.test("stackFindings() wants the account made before pam_unix looks for it, through includes too", () => {
  const others = { "common-account": "account required pam_unix.so\n" };
  const text = "@include common-account\naccount required pam_exec.so /x\nsession required pam_permit.so\n";
  assert.match(
    sentences(text, machine("/x"), others)[0] ?? "",
    /^common-account:1: pam_unix refuses an account/,
  );
});

Deno.test("stackFindings() accepts bracketed controls, continued lines, and modules that may be missing", () => {
  const text = `account [success=1 default=ignore] \\
  pam_exec.so [/path with space]
-session optional pam_systemd.so # not here
account required pam_permit.so
session required pam_permit.so`;
  assert.deepEqual(sentences(text, machine("/path with space")), []);
});

Deno.test("stackFindings() lets lines fail that may, as libpam-script's own in Debian's common stacks, and those of auth", () => {
  const text = `auth required pam_script.so
account sufficient pam_script.so
account [default=ignore] pam_script.so
account required pam_permit.so
session optional pam_exec.so /nowhere
session required pam_permit.so`;
  assert.deepEqual(sentences(text, machine()), []);
});

Deno.test("readStack() ends at an include that includes itself", () => {
  const found = sentences("@include a", machine(), { a: "@include a\nsession required pam_permit.so\n" });
  assert.ok(found.some((sentence) => sentence.includes('no service file "a" to include')));
});

Deno.test("readStack() ends at files that include each other several times", () => {
  const twice = (name: string) => `@include ${name}\n@include ${name}\n`;
  const found = sentences("@include a", machine(), { a: twice("b"), b: twice("a") });
  assert.ok(found.some((sentence) => sentence.includes('no service file "a" to include')));
});
