import assert from "node:assert/strict";
import { readInto, writeFrom } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import { waitChild } from "../../ffi/process.ts";
import { allocatePty, changeWindowSize, type Pty, setPtyOwner } from "../../ffi/pty.ts";
import { closeDescriptor } from "../../ffi/socket.ts";
import { spawn } from "../../ffi/spawn.ts";

function withPty<T>(use: (pty: Pty) => T): T {
  const pty = allocatePty();
  try {
    return use(pty);
  } finally {
    closeDescriptor(pty.fd);
  }
}

function sttySize(path: string): string {
  const { stdout } = new Deno.Command("stty", { args: ["-F", path, "size"] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("allocatePty() gives a close-on-exec fd and the terminal it belongs to", () => {
  withPty(({ fd, path }) => {
    assert.match(path, /^\/dev\/pts\/\d+$/);
    assert.ok(Deno.statSync(path).isCharDevice);
    const flags = /^flags:\t0?(\d+)$/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`))![1]!;
    assert.equal(parseInt(flags, 8) & 0o2000000, 0o2000000);
    assert.match(
      Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`),
      new RegExp(`^tty-index:\t${path.slice(9)}$`, "m"),
    );
  });
});

Deno.test("allocatePty() gives another terminal each time", () => {
  withPty((first) => withPty((second) => assert.notEqual(first.path, second.path)));
});

Deno.test("allocatePty() does not become the controlling terminal of the process", () => {
  const before = Deno.readTextFileSync("/proc/self/stat").split(" ")[6];
  withPty(() => assert.equal(Deno.readTextFileSync("/proc/self/stat").split(" ")[6], before));
});

Deno.test("setPtyOwner() gives the terminal to the account with mode 0620", () => {
  withPty(({ path }) => {
    setPtyOwner(path, 61_021, 5);
    const { uid, gid, mode } = Deno.statSync(path);
    assert.deepEqual([uid, gid, mode! & 0o7777], [61_021, 5, 0o620]);
  });
});

Deno.test("setPtyOwner() throws ENOENT when the terminal is gone", () => {
  assert.throws(
    () => setPtyOwner("/dev/pts/999999", 1, 1),
    (error: SystemError) => error.errnoName === "ENOENT",
  );
});

Deno.test("changeWindowSize() sets what programs on the terminal see", () => {
  withPty(({ fd, path }) => {
    changeWindowSize(fd, { columns: 132, rows: 43, widthPx: 0, heightPx: 0 });
    assert.equal(sttySize(path), "43 132");
    changeWindowSize(fd, { columns: 1 << 20, rows: -1, widthPx: 70_000, heightPx: 1 });
    assert.equal(sttySize(path), "0 65535");
  });
});

Deno.test("changeWindowSize() signals the foreground group", () => {
  withPty(({ fd, path }) => {
    const pid = spawn({
      path: "/bin/bash",
      argv: ["bash", "-c", "trap 'stty size; exit 5' WINCH; echo ready; while :; do read -t 1000 line; done"],
      environment: ["PATH=/usr/bin:/bin"],
      stdio: { tty: path },
      newSession: true,
    });
    const buffer = new Uint8Array(4096);
    const read = () => new TextDecoder().decode(buffer.subarray(0, Number(readInto(fd, buffer))));
    assert.equal(read(), "ready\r\n");
    changeWindowSize(fd, { columns: 99, rows: 11, widthPx: 0, heightPx: 0 });
    // bash runs the trap when its read is over.
    writeFrom(fd, new TextEncoder().encode("\n"));
    assert.deepEqual(waitChild(pid), { code: 5 });
    let text = "";
    for (let n = readInto(fd, buffer); typeof n === "number"; n = readInto(fd, buffer)) {
      text += new TextDecoder().decode(buffer.subarray(0, n));
    }
    assert.match(text, /11 99\r\n/);
  });
});

Deno.test("changeWindowSize() throws when the fd is no terminal", () => {
  assert.throws(
    () => changeWindowSize(-1, { columns: 1, rows: 1, widthPx: 0, heightPx: 0 }),
    (error: SystemError) => error.errnoName === "EBADF",
  );
});
