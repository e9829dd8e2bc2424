import assert from "node:assert/strict";

const main = new URL("../../services/main.ts", import.meta.url).pathname;

async function sallyport(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", main, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("main() exits 100 on a command line it does not understand, 0 on --help", async () => {
  for (const args of [["frobnicate"], ["doctor", "--nope"], ["keys"], ["keys", "burn"]]) {
    const { code, err } = await sallyport(...args);
    assert.equal(code, 100, `${args}: ${err}`);
    assert.ok(err.trim().length > 0 && !err.includes("    at "), err);
  }
  const help = await sallyport("--help");
  assert.equal(help.code, 0);
  for (const verb of ["start", "gateway", "host", "broker", "doctor", "keys"]) {
    assert.match(help.out, new RegExp(`^ +${verb}\\b`, "m"));
  }
});

Deno.test("main() exits 100 with every mistake of a configuration, one a line, and starts nothing", async () => {
  const file = Deno.makeTempFileSync({ prefix: "sallyport-", suffix: ".yaml" });
  try {
    Deno.writeTextFileSync(file, "ssh_service: {pam: {enabled: ture}}\nlog: {level: loud}\n");
    const { code, err } = await sallyport("gateway", "--config", file);
    assert.equal(code, 100);
    assert.deepEqual(err.trim().split("\n").map((line) => line.split(": ")[0]), [
      `${file}:1:30`,
      `${file}:2:14`,
    ]);
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("main() exits 1 when the doctor finds the guide's traps, and names them", async () => {
  const seed = new URL("../golden/seed/", import.meta.url).pathname;
  const { code, out } = await sallyport(
    "doctor",
    "--stack",
    `${seed}pam_exec.stack`,
    "--scripts",
    `${seed}pam_exec.installed.sh`,
    `${seed}guide.md`,
  );
  assert.equal(code, 1);
  for (
    const words of [
      'pam_exec.stack:2: pam_motd.so only ever answers "ignore"',
      'pam_exec.installed.sh:2: There is an empty ""',
      'pam_exec.installed.sh:2: "&>" is not a redirection',
      'pam_exec.installed.sh:3: "exit 0" hides that useradd failed',
      "guide.md:123: This here-document is not quoted",
    ]
  ) assert.ok(out.includes(words), `${words}\n${out}`);
});

Deno.test("main() makes a fleet key and identities once", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-" });
  try {
    assert.equal((await sallyport("keys", "init", "--state", folder)).code, 0);
    const key = Deno.readTextFileSync(`${folder}/fleet.key`);
    assert.equal((await sallyport("keys", "init", "--state", folder)).code, 0);
    assert.equal(Deno.readTextFileSync(`${folder}/fleet.key`), key);
    assert.equal((Deno.statSync(`${folder}/fleet.key`).mode ?? 0) & 0o777, 0o600);
    const added = await sallyport("keys", "add-host", "web1", "--state", folder);
    assert.equal(added.code, 0, added.err);
    const identity = Deno.readTextFileSync(`${folder}/hosts/web1/identity`);
    assert.equal(JSON.parse(identity).credential.name, "web1");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
