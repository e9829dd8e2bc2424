import assert from "node:assert/strict";
import { commandLine } from "../../../../services/host/worker/command_line.ts";
import { ProblemError } from "../../../../shared/protocol/problems.ts";

const base64 = (text: string) => btoa(text);

Deno.test("commandLine() makes a login shell when no command is given", () => {
  assert.deepEqual(commandLine({ kind: "shell", command: "" }, "/usr/bin/zsh", {}), ["-zsh"]);
});

Deno.test("commandLine() keeps a command's bytes even when they are not UTF-8", () => {
  const [name, flag, command] = commandLine({ kind: "exec", command: base64("echo \xff'") }, "/bin/bash", {});
  assert.deepEqual([name, flag], ["bash", "-c"]);
  assert.deepEqual(command, new Uint8Array([...new TextEncoder().encode("echo "), 0xff, 0x27]));
});

Deno.test("commandLine() runs a configured subsystem by the shell", () => {
  const argv = commandLine({ kind: "subsystem", command: base64("sftp") }, "/bin/sh", {
    sftp: "/usr/lib/sftp-server -e",
  });
  assert.deepEqual(argv, ["sh", "-c", "/usr/lib/sftp-server -e"]);
});

Deno.test("commandLine() refuses a subsystem that is not configured, inherited names among them", () => {
  for (const name of ["scp", "toString", "__proto__"]) {
    assert.throws(
      () => commandLine({ kind: "subsystem", command: base64(name) }, "/bin/sh", {}),
      (error) => error instanceof ProblemError && error.problem === "subsystem-unknown",
    );
  }
});
