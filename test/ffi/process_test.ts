import assert from "node:assert/strict";
import { makePipe, writeFrom } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import { killProcess, pidfdOpen, poll, PollEvents, waitChild } from "../../ffi/process.ts";
import { closeDescriptor } from "../../ffi/socket.ts";
import { spawn } from "../../ffi/spawn.ts";
import { inOwnProcess, resultOf } from "./own_process.ts";

function shell(script: string, descriptors = [0, 1, 2], newSession = false): number {
  return spawn({
    path: "/bin/sh",
    argv: ["sh", "-c", script],
    environment: [],
    stdio: { descriptors },
    newSession,
  });
}

function withPipe<T>(use: (readEnd: number, writeEnd: number) => T): T {
  const [readEnd, writeEnd] = makePipe();
  try {
    return use(readEnd, writeEnd);
  } finally {
    closeDescriptor(readEnd);
    closeDescriptor(writeEnd);
  }
}

Deno.test("poll() tells which descriptors are ready, by index", () => {
  withPipe((readEnd, writeEnd) => {
    const entries = [{ fd: readEnd }, { fd: -1 }, { fd: writeEnd, events: PollEvents.out }];
    assert.deepEqual(poll(entries, -1), [0, 0, PollEvents.out]);
    writeFrom(writeEnd, Uint8Array.of(1));
    assert.deepEqual(poll(entries, -1), [PollEvents.in, 0, PollEvents.out]);
  });
});

Deno.test("poll() gives zeros when the time has passed", () => {
  withPipe((readEnd) => {
    const start = performance.now();
    assert.deepEqual(poll([{ fd: readEnd }], 30), [0]);
    const passedMs = performance.now() - start;
    assert.ok(passedMs >= 29, `${passedMs} ms`);
    assert.deepEqual(poll([], 0), []);
  });
});

Deno.test("poll() says when a descriptor is not open", () => {
  const [readEnd, writeEnd] = makePipe();
  closeDescriptor(readEnd);
  closeDescriptor(writeEnd);
  assert.deepEqual(poll([{ fd: 1_000_000 }], -1), [PollEvents.invalid]);
});

Deno.test("poll() goes on waiting when a signal interrupts it", async () => {
  const { value, stderr } = await inOwnProcess((ffi) => {
    Deno.addSignalListener("SIGUSR1", () => {});
    const [readEnd, writeEnd] = ffi.makePipe();
    // A fork between two signals gives poll the time to be waiting again.
    const script = `for n in $(seq 60); do kill -USR1 ${Deno.pid}; (exit 0); done; echo done >&3`;
    const pid = ffi.spawn({
      path: "/bin/sh",
      argv: ["sh", "-c", script],
      environment: ["PATH=/usr/bin:/bin"],
      stdio: { descriptors: [0, 1, 2, writeEnd] },
      newSession: false,
    });
    const ready = ffi.poll([{ fd: readEnd }], -1);
    ffi.waitChild(pid);
    return ready;
  }, null);
  assert.deepEqual(value, [PollEvents.in], stderr);
});

Deno.test("waitChild() gives the exit status", () => {
  assert.deepEqual(waitChild(shell("exit 0")), { code: 0 });
  assert.deepEqual(waitChild(shell("exit 255")), { code: 255 });
});

Deno.test("waitChild() gives the signal", () => {
  assert.deepEqual(waitChild(shell("kill -TERM $$")), { signal: 15, coreDumped: false });
  assert.deepEqual(waitChild(shell("ulimit -c 0; kill -QUIT $$")), { signal: 3, coreDumped: false });
});

Deno.test("waitChild() returns null with noHang while the child runs, and takes its status once", () => {
  withPipe((readEnd, writeEnd) => {
    const pid = shell("read line; exit 3", [readEnd, 1, 2]);
    assert.equal(waitChild(pid, { noHang: true }), null);
    writeFrom(writeEnd, new TextEncoder().encode("go\n"));
    assert.deepEqual(waitChild(pid), { code: 3 });
    assert.throws(() => waitChild(pid), (error: SystemError) => error.errnoName === "ECHILD");
  });
});

Deno.test("pidfdOpen() gives a descriptor that is readable once the process has ended", () => {
  withPipe((readEnd, writeEnd) => {
    const pid = shell("read line", [readEnd, 1, 2]);
    const pidfd = pidfdOpen(pid);
    try {
      assert.deepEqual(poll([{ fd: pidfd }], 0), [0]);
      writeFrom(writeEnd, new TextEncoder().encode("go\n"));
      assert.deepEqual(poll([{ fd: pidfd }], -1), [PollEvents.in]);
      assert.deepEqual(waitChild(pid), { code: 0 });
      assert.match(
        Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd}`),
        /^flags:\t0?2000002$/m,
        "close-on-exec",
      );
    } finally {
      closeDescriptor(pidfd);
    }
    assert.throws(() => pidfdOpen(pid), (error: SystemError) => error.errnoName === "ESRCH");
  });
});

Deno.test("killProcess() signals a whole process group", () => {
  withPipe((readEnd, writeEnd) => {
    const pid = shell("sleep 1000 & echo up >&3; wait", [0, 1, 2, writeEnd], true);
    poll([{ fd: readEnd }], -1);
    assert.equal(killProcess(-pid, 0), true);
    assert.equal(killProcess(-pid, 9), true);
    assert.deepEqual(waitChild(pid), { signal: 9, coreDumped: false });
  });
});

Deno.test("killProcess() returns false when there is no such process", () => {
  const pid = shell("exit 0");
  waitChild(pid);
  assert.equal(killProcess(pid, 0), false);
});

Deno.test("killProcess() never means everybody", () => {
  assert.throws(() => killProcess(0, 0), RangeError);
  assert.throws(() => killProcess(-1, 0), RangeError);
});

Deno.test("killProcess() throws EINVAL for an unknown signal", () => {
  assert.throws(() => killProcess(Deno.pid, 1000), (error: SystemError) => error.errnoName === "EINVAL");
});

Deno.test("ignoreSignals() ignores them in the process, and not in its children", async () => {
  const { value, stdout } = await inOwnProcess((ffi) => {
    ffi.ignoreSignals([1, 2, 15]);
    const argv = ["grep", "SigIgn", "/proc/self/status"];
    const stdio = { descriptors: [0, 1, 2] };
    ffi.waitChild(ffi.spawn({ path: "/bin/grep", argv, environment: [], stdio, newSession: false }));
    return Deno.readTextFileSync("/proc/self/status");
  }, null);
  const ignored = (status: string) => BigInt(`0x${/^SigIgn:\t(\w+)$/m.exec(status)![1]}`);
  const mask = (1n << 0n) | (1n << 1n) | (1n << 14n);
  assert.equal(ignored(value!) & mask, mask);
  // 32 and 33 are the C library's own; posix_spawn leaves them ignored.
  assert.equal(ignored(stdout) & 0x7fff_ffffn, 0n);
});

Deno.test("ignoreSignals() throws EINVAL for what cannot be ignored", async () => {
  const { stderr } = await inOwnProcess((ffi) => ffi.ignoreSignals([9]), null);
  assert.match(stderr, /signal: Invalid argument \(EINVAL\)/);
});

Deno.test("setChildSubreaper() makes orphans children of the process", async () => {
  const orphan = await resultOf((ffi) => {
    ffi.setChildSubreaper();
    const [readEnd, writeEnd] = ffi.makePipe();
    const pid = ffi.spawn({
      path: "/bin/sh",
      argv: ["sh", "-c", "sh -c 'echo $$; exit 9' >&3 &"],
      environment: [],
      stdio: { descriptors: [0, 1, 2, writeEnd] },
      newSession: false,
    });
    ffi.waitChild(pid);
    const line = new Uint8Array(32);
    ffi.readInto(readEnd, line);
    return ffi.waitChild(parseInt(new TextDecoder().decode(line)));
  }, null);
  assert.deepEqual(orphan, { code: 9 });
});

for (const way of ["closeOnExecFrom", "closeOnExecOneByOne"] as const) {
  Deno.test(`${way}() and execReplace() leave the next program only the descriptors below`, async () => {
    const { stdout } = await inOwnProcess((ffi, way) => {
      const { dup } = Deno.dlopen("libc.so.6", { dup: { parameters: ["i32"], result: "i32" } }).symbols;
      const kept = dup(0);
      dup(0);
      ffi[way](kept + 1);
      const script = `echo $$ $A; for n in /proc/$$/fd/*; do echo \${n##*/}; done; echo ${kept}`;
      ffi.execReplace("/bin/sh", ["sh", "-c", script], ["A=b c"]);
    }, way);
    const [first, ...rest] = stdout.trimEnd().split("\n");
    assert.match(first!, /^\d+ b c$/);
    const kept = rest.pop()!;
    const open = rest.filter((fd) => Number(fd) > Number(kept));
    assert.deepEqual(open, []);
    assert.ok(rest.includes(kept));
  });
}

Deno.test("execReplace() keeps the pid", async () => {
  const script = "echo $$; echo $PPID";
  const { stdout } = await inOwnProcess((ffi, script) => {
    const encoder = new TextEncoder();
    Deno.stdout.writeSync(encoder.encode(`${Deno.pid}\n`));
    ffi.execReplace("/bin/sh", ["sh", "-c", script], []);
  }, script);
  const [before, after, parent] = stdout.trimEnd().split("\n");
  assert.equal(after, before);
  assert.equal(Number(parent), Deno.pid);
});

Deno.test("execReplace() throws ENOENT when there is no such program", async () => {
  const { stderr } = await inOwnProcess((ffi) => ffi.execReplace("/no/such/program", ["x"], []), null);
  assert.match(stderr, /execve: No such file or directory \(ENOENT\)/);
});
