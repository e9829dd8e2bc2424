import assert from "node:assert/strict";
import { findProgram, runProgram } from "../../../../../services/host/worker/accounts/program.ts";
import { FileLock } from "../../../../../ffi/flock.ts";

Deno.test("findProgram() looks in the system's folders alone", () => {
  assert.match(findProgram("useradd") ?? "", /^\/(usr\/)?sbin\/useradd$/);
  assert.equal(findProgram("no-such-program"), null);
  assert.throws(() => runProgram("no-such-program", []), /Cannot run no-such-program: it is not installed/);
});

Deno.test("runProgram() gives the codes that are answers, and throws the others with what was said", () => {
  const sh = (script: string, accepted: number[] = []) => runProgram("sh", ["-c", script], { accepted });
  assert.equal(sh("exit 0"), 0);
  assert.equal(sh("echo no >&2; exit 9", [8, 9]), 9);
  assert.throws(() => sh("echo one; echo two >&2; exit 9", [8]), /sh ended with exit code 9: one; two/);
  assert.throws(() => sh("kill -TERM $$"), /sh ended with signal 15: it said nothing/);
  assert.throws(
    () => sh("head -c 1000000 /dev/zero | tr '\\0' x; exit 1"),
    ({ message }) => message.length < 4_096,
  );
});

Deno.test("runProgram() gives the program an environment of its own, no input, and no descriptor of ours", () => {
  Deno.env.set("SECRET_OF_OURS", "x");
  assert.throws(
    () => runProgram("sh", ["-c", "cat; env | sort | cut -d= -f1; ls /proc/self/fd; exit 1"]),
    /: LC_ALL; PATH; PWD; 0; 1; 2; 3$/, // 3 is the folder that ls reads.
  );
  Deno.env.delete("SECRET_OF_OURS");
});

Deno.test("runProgram() kills a program past its deadline, and does not wait for what others started", () => {
  assert.throws(
    () => runProgram("sleep", ["1000"], { deadlineMs: 50 }),
    /Cannot wait for sleep longer than 50 ms/,
  );
  assert.equal(runProgram("sh", ["-c", "sleep 3 & exit 0"], { deadlineMs: 2_000 }), 0);
});

Deno.test("runProgram() has the program hold the lock, so that it outlives this process's hold", () => {
  const path = Deno.makeTempFileSync();
  {
    using lock = FileLock.wait(path, "exclusive");
    runProgram("sh", ["-c", "sleep 1000 & echo $! > $0.pid", path], { lock });
  }
  const pid = Number(Deno.readTextFileSync(`${path}.pid`));
  assert.equal(FileLock.attempt(path, "shared"), null);
  Deno.kill(pid, "SIGKILL");
  using _mine = FileLock.wait(path, "exclusive");
  Deno.removeSync(path);
  Deno.removeSync(`${path}.pid`);
});
