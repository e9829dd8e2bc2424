import assert from "node:assert/strict";
import { buildEnvironment, type EnvironmentSources } from "../../../../services/host/worker/environment.ts";

const sources: EnvironmentSources = {
  identity: { uid: 1000, login: "ada", home: "/home/ada", shell: "/bin/bash" },
  path: "/usr/bin:/bin",
  client: { address: "192.0.2.7", port: 50_123, serverAddress: "192.0.2.1", serverPort: 2222 },
  terminal: null,
  requested: [],
  acceptEnv: ["LANG", "LC_*"],
  pam: [],
};

function environment(changes: Partial<EnvironmentSources>): Record<string, string> {
  const list = buildEnvironment({ ...sources, ...changes });
  const pairs = list.map((text) =>
    [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)] as const
  );
  assert.equal(new Set(pairs.map(([name]) => name)).size, list.length, "a name occurs twice");
  return Object.fromEntries(pairs);
}

Deno.test("buildEnvironment() gives exactly the account's and the session's variables when nobody adds any", () => {
  assert.deepEqual(buildEnvironment(sources), [
    "USER=ada",
    "LOGNAME=ada",
    "HOME=/home/ada",
    "PATH=/usr/bin:/bin",
    "SHELL=/bin/bash",
    "SSH_CLIENT=192.0.2.7 50123 2222",
    "SSH_CONNECTION=192.0.2.7 50123 192.0.2.1 2222",
  ]);
});

Deno.test("buildEnvironment() adds SSH_TTY and TERM when there is a terminal", () => {
  const { SSH_TTY, TERM } = environment({ terminal: { tty: "/dev/pts/9", term: "xterm-256color" } });
  assert.deepEqual([SSH_TTY, TERM], ["/dev/pts/9", "xterm-256color"]);
});

Deno.test("buildEnvironment() takes from the client only what the patterns accept", () => {
  const result = environment({ requested: [["LANG", "C"], ["LC_ALL", "C.UTF-8"], ["FOO", "x"]] });
  assert.equal(result["LANG"], "C");
  assert.equal(result["LC_ALL"], "C.UTF-8");
  assert.ok(!("FOO" in result));
});

Deno.test("buildEnvironment() lets the client change no variable of the account or session even when all are accepted", () => {
  const requested: [string, string][] = ["PATH", "HOME", "USER", "SHELL", "TERM", "SSH_CLIENT"].map((
    name,
  ) => [name, "evil"]);
  const terminal = { tty: "/dev/pts/9", term: "vt100" };
  assert.deepEqual(environment({ requested, acceptEnv: ["*"], terminal }), environment({ terminal }));
});

Deno.test("buildEnvironment() gives PAM the last word, and the last of PAM's duplicates", () => {
  const result = environment({
    requested: [["LANG", "C"]],
    pam: ["LANG=de_DE.UTF-8", "PATH=/opt/bin", "EMPTY=", "X=1", "X=a=b", "=nameless", "valueless"],
  });
  assert.equal(result["LANG"], "de_DE.UTF-8");
  assert.equal(result["PATH"], "/opt/bin");
  assert.equal(result["EMPTY"], "");
  assert.equal(result["X"], "a=b");
  assert.ok(!("" in result) && !("valueless" in result));
});

Deno.test("buildEnvironment() lets nobody change the connection, and passes on nothing meant for modules", () => {
  const terminal = { tty: "/dev/pts/9", term: "vt100" };
  const pam = ["SSH_CONNECTION=x", "SSH_CLIENT=x", "SSH_TTY=x", "SSH_AUTH_INFO_0=x", "TERM=dumb"];
  assert.deepEqual(environment({ pam, terminal }), { ...environment({ terminal }), TERM: "dumb" });
});

Deno.test("buildEnvironment() sets MAIL where no pam_mail could", () => {
  assert.deepEqual(environment({ pam: null }), { ...environment({}), MAIL: "/var/mail/ada" });
});

Deno.test("buildEnvironment() drops loader variables from every source", () => {
  const result = buildEnvironment({
    ...sources,
    requested: [["LD_PRELOAD", "/tmp/x.so"], ["DYLD_INSERT_LIBRARIES", "x"]],
    acceptEnv: ["*"],
    pam: ["LD_LIBRARY_PATH=/tmp", "LD_AUDIT=x"],
  });
  assert.deepEqual(result, buildEnvironment(sources));
});
