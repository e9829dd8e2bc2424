import assert from "node:assert/strict";
import { makePipe, OpenFlags, openPath, readInto, writeFrom } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import { type ChildEnd, waitChild } from "../../ffi/process.ts";
import { allocatePty } from "../../ffi/pty.ts";
import { closeDescriptor } from "../../ffi/socket.ts";
import { spawn, type SpawnOptions } from "../../ffi/spawn.ts";
import { inOwnProcess, resultOf } from "./own_process.ts";

/** Ids that no account has. */
const credentials = { uid: 61_011, gid: 61_012, groups: [61_012, 61_013, 61_014] };
const decoder = new TextDecoder();

/** Starts a program with its output going to a pipe and reads it to the end. */
function outputOf(
  options: Omit<SpawnOptions, "stdio" | "newSession">,
): { text: string; end: ChildEnd | null } {
  const [readEnd, writeEnd] = makePipe();
  try {
    const pid = spawn({ ...options, stdio: { descriptors: [0, writeEnd, 2] }, newSession: true });
    closeDescriptor(writeEnd);
    return { text: readAll(readEnd), end: waitChild(pid) };
  } finally {
    closeDescriptor(readEnd);
  }
}

function readAll(fd: number): string {
  const buffer = new Uint8Array(65536);
  let text = "";
  for (;;) {
    const length = readInto(fd, buffer);
    if (typeof length !== "number") return text;
    text += decoder.decode(buffer.subarray(0, length));
  }
}

/** Reads a terminal until `text` ends with `expected`. */
function readUntil(fd: number, expected: string): string {
  const buffer = new Uint8Array(65536);
  let text = "";
  while (!text.endsWith(expected)) {
    const length = readInto(fd, buffer);
    if (typeof length !== "number") throw new Error(`The terminal ended after ${JSON.stringify(text)}`);
    text += decoder.decode(buffer.subarray(0, length));
  }
  return text;
}

Deno.test("spawn() starts a child whose ids are the account's in all four places, without a capability", async () => {
  const { stdout, value } = await inOwnProcess((ffi, credentials) => {
    const stdio = { descriptors: [0, 1, 2] };
    const argv = ["cat", "/proc/self/status"];
    const end = ffi.waitChild(
      ffi.spawn({ path: "/bin/cat", argv, environment: [], stdio, credentials, newSession: true }),
    );
    return [JSON.stringify(end), Deno.readTextFileSync("/proc/self/status")];
  }, credentials);
  const [end, own] = value!;
  assert.equal(end, `{"code":0}`);
  assert.match(stdout, /^Uid:\t61011\t61011\t61011\t61011$/m);
  assert.match(stdout, /^Gid:\t61012\t61012\t61012\t61012$/m);
  assert.match(stdout, /^Groups:\t61012 61013 61014 $/m);
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
    assert.match(stdout, new RegExp(`^${set}:\t0+$`, "m"));
  }
  assert.match(stdout, /^NoNewPrivs:\t0$/m);
  // The worker itself is root again.
  assert.match(own!, /^Uid:\t0\t0\t0\t0$/m);
  assert.match(own!, /^Gid:\t0\t0\t0\t0$/m);
  assert.doesNotMatch(own!, /^Groups:.*6101/m);
});

Deno.test("spawn() gives root's logins their groups too", async () => {
  const { stdout } = await inOwnProcess((ffi) => {
    const stdio = { descriptors: [0, 1, 2] };
    const credentials = { uid: 0, gid: 0, groups: [0, 61_015] };
    const argv = ["cat", "/proc/self/status"];
    ffi.waitChild(
      ffi.spawn({ path: "/bin/cat", argv, environment: [], stdio, credentials, newSession: true }),
    );
    return 0;
  }, null);
  assert.match(stdout, /^Uid:\t0\t0\t0\t0$/m);
  assert.match(stdout, /^Groups:\t0 61015 $/m);
});

Deno.test("spawn() leaves the process root when the child could not be started", async () => {
  const [errnoName, own] = await resultOf((ffi, credentials) => {
    try {
      const stdio = { descriptors: [0, 1, 2] };
      ffi.spawn({ path: "/no/such", argv: ["x"], environment: [], stdio, credentials, newSession: true });
      return [];
    } catch (error) {
      return [(error as { errnoName: string }).errnoName, Deno.readTextFileSync("/proc/self/status")];
    }
  }, credentials);
  assert.equal(errnoName, "ENOENT");
  assert.match(own!, /^Uid:\t0\t0\t0\t0$/m);
  assert.doesNotMatch(own!, /^Groups:.*6101/m);
});

Deno.test("spawn() starts no process when an account may have no more of them", async () => {
  const errno = await resultOf((ffi, credentials) => {
    ffi.setLimit("nproc", 0n, 0n);
    try {
      const stdio = { descriptors: [0, 1, 2] };
      ffi.spawn({ path: "/bin/true", argv: ["true"], environment: [], stdio, credentials, newSession: true });
      return 0;
    } catch (error) {
      return (error as SystemError).errno;
    }
  }, credentials);
  assert.equal(errno, 11);
});

Deno.test("spawn() passes argv and environment exactly, whatever the bytes", () => {
  const odd = Uint8Array.of(0x41, 0x3d, 0xff, 0xfe);
  const { text, end } = outputOf({
    path: "/bin/sh",
    argv: [
      "-bash",
      "-c",
      'printf "%s|" "$0" "$@"; od -An -tx1 /proc/$$/environ',
      "-bash",
      "",
      "zwei Wörter",
      "x\ny",
    ],
    environment: ["B=1", odd],
  });
  assert.equal(text.replace(/\s+$/, ""), "-bash||zwei Wörter|x\ny| 42 3d 31 00 41 3d ff fe 00");
  assert.deepEqual(end, { code: 0 });
});

Deno.test("spawn() makes bash a login shell when argv[0] says so", () => {
  const bash = (name: string) =>
    outputOf({
      path: "/bin/bash",
      argv: [name, "-c", "shopt -q login_shell && echo $0 login || echo $0 plain"],
      environment: ["HOME=/nonexistent", "PATH=/usr/bin:/bin"],
    });
  assert.match(bash("-bash").text, /^-bash login$/m);
  assert.match(bash("bash").text, /^bash plain$/m);
});

Deno.test("spawn() blocks and ignores no signal in the child", () => {
  const { text } = outputOf({ path: "/bin/cat", argv: ["cat", "/proc/self/status"], environment: [] });
  assert.match(text, /^SigBlk:\t0+$/m);
  // Deno ignores SIGPIPE (13); 32 and 33 are the C library's own.
  const ignored = BigInt(`0x${/^SigIgn:\t(\w+)$/m.exec(text)![1]}`);
  assert.equal(ignored & 0x7fff_ffffn, 0n);
});

Deno.test("spawn() leaves the child no descriptor but the given ones", () => {
  const { dup } = Deno.dlopen("libc.so.6", { dup: { parameters: ["i32"], result: "i32" } }).symbols;
  const leak = dup(0);
  try {
    const { text } = outputOf({ path: "/bin/ls", argv: ["ls", "/proc/self/fd"], environment: [] });
    // 3 is the folder ls is reading.
    assert.equal(text, "0\n1\n2\n3\n");
  } finally {
    closeDescriptor(leak);
  }
});

Deno.test("spawn() closes the rest by close-on-exec where the C library has no closefrom", async () => {
  const { stdout, stderr, code } = await inOwnProcess((ffi) => {
    const open = Deno.dlopen;
    // The same library, as an older one: without the symbol.
    Deno.dlopen = ((name: string, table: Deno.ForeignLibraryInterface) => {
      const { symbols, close } = open(name, table);
      return { close, symbols: { ...symbols, posix_spawn_file_actions_addclosefrom_np: null } };
    }) as typeof Deno.dlopen;
    const { dup } = open("libc.so.6", { dup: { parameters: ["i32"], result: "i32" } }).symbols;
    dup(0);
    const stdio = { descriptors: [0, 2, 1, 0] };
    const argv = ["sh", "-c", "ls /proc/self/fd >&2"];
    ffi.waitChild(ffi.spawn({ path: "/bin/sh", argv, environment: [], stdio, newSession: true }));
    return 0;
  }, null);
  assert.equal(stdout, "0\n1\n2\n3\n4\n", stderr);
  assert.equal(code, 0);
});

Deno.test("spawn() puts every descriptor in its place when places overlap", async () => {
  const argv = ["sh", "-c", "echo to fd 1; echo to fd 2 >&2; echo to fd 4 >&4"];
  const { stdout, stderr } = await inOwnProcess((ffi, argv) => {
    const stdio = { descriptors: [0, 2, 1, 0, 1] };
    ffi.waitChild(ffi.spawn({ path: "/bin/sh", argv, environment: [], stdio, newSession: true }));
    return 0;
  }, argv);
  assert.equal(stdout, "to fd 2\nto fd 4\n");
  assert.equal(stderr, "to fd 1\n");
});

Deno.test("spawn() enters the directory with the account's ids", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.chmod(folder, 0o700);
    const errors = await resultOf(
      (ffi, { credentials, folder }) =>
        [folder, `${folder}/missing`, "/"].map((directory) => {
          try {
            const stdio = { descriptors: [0, 1, 2] };
            const options = {
              path: "/bin/true",
              argv: ["true"],
              environment: [],
              directory,
              stdio,
              newSession: true,
            };
            ffi.waitChild(ffi.spawn({ ...options, credentials }));
            return "started";
          } catch (error) {
            return (error as SystemError).errnoName;
          }
        }),
      { credentials, folder },
    );
    assert.deepEqual(errors, ["EACCES", "EACCES", "started"]);
    const { text } = outputOf({ path: "/bin/pwd", argv: ["pwd"], environment: [], directory: folder });
    assert.equal(text, `${folder}\n`);
    assert.throws(
      () => outputOf({ path: "/bin/pwd", argv: ["pwd"], environment: [], directory: `${folder}/missing` }),
      (error: SystemError) => error.call === "posix_spawn" && error.errnoName === "ENOENT",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("spawn() enters the directory with the account's ids where the C library cannot", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.chmod(folder, 0o700);
    const { value, stdout } = await inOwnProcess((ffi, { credentials, folder }) => {
      const open = Deno.dlopen;
      Deno.dlopen = ((name: string, table: Deno.ForeignLibraryInterface) => {
        const { symbols, close } = open(name, table);
        return { close, symbols: { ...symbols, posix_spawn_file_actions_addchdir_np: null } };
      }) as typeof Deno.dlopen;
      Deno.chdir("/usr");
      const stdio = { descriptors: [0, 1, 2] };
      const start = (directory: string) => {
        const options = {
          path: "/bin/pwd",
          argv: ["pwd"],
          environment: [],
          directory,
          stdio,
          newSession: true,
        };
        try {
          ffi.waitChild(ffi.spawn({ ...options, credentials }));
          return "started";
        } catch (error) {
          return (error as SystemError).errnoName;
        }
      };
      return [start(folder), start("/"), Deno.cwd()];
    }, { credentials, folder });
    assert.deepEqual(value, ["EACCES", "started", "/usr"]);
    assert.equal(stdout, "/\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("spawn() makes a terminal the controlling terminal of a new session", () => {
  const pty = allocatePty();
  try {
    const script = "tty; cut -d' ' -f5-8 /proc/$$/stat; tty <&1; tty <&2; echo $$";
    const pid = spawn({
      path: "/bin/sh",
      argv: ["-sh", "-c", script],
      environment: ["PATH=/usr/bin:/bin"],
      stdio: { tty: pty.path },
      newSession: true,
    });
    const lines = readAll(pty.fd).split("\r\n");
    assert.deepEqual(waitChild(pid), { code: 0 });
    assert.equal(lines[0], pty.path);
    // Process group, session, terminal, and the terminal's foreground group; 136 is the major number of /dev/pts.
    const [group, session, terminal, foreground] = lines[1]!.split(" ").map(Number);
    assert.deepEqual([group, session, foreground], [pid, pid, pid]);
    assert.equal(terminal, (136 << 8) + Number(pty.path.replace("/dev/pts/", "")));
    assert.deepEqual(lines.slice(2), [pty.path, pty.path, `${pid}`, ""]);
  } finally {
    closeDescriptor(pty.fd);
  }
});

Deno.test("spawn() starts a shell that Ctrl-C at its terminal interrupts", () => {
  const pty = allocatePty();
  try {
    const pid = spawn({
      path: "/bin/sh",
      argv: ["sh", "-c", "trap 'exit 42' INT; echo ready; while read line; do :; done"],
      environment: [],
      stdio: { tty: pty.path },
      newSession: true,
    });
    readUntil(pty.fd, "ready\r\n");
    writeFrom(pty.fd, Uint8Array.of(3));
    assert.deepEqual(waitChild(pid), { code: 42 });
  } finally {
    closeDescriptor(pty.fd);
  }
});

Deno.test("spawn() hangs the session up when the pty is closed", () => {
  const pty = allocatePty();
  const pid = spawn({
    path: "/bin/sh",
    argv: ["sh", "-c", "echo ready; while read line; do :; done; exec sleep 1000"],
    environment: ["PATH=/usr/bin:/bin"],
    stdio: { tty: pty.path },
    newSession: true,
  });
  readUntil(pty.fd, "ready\r\n");
  closeDescriptor(pty.fd);
  assert.deepEqual(waitChild(pid), { signal: 1, coreDumped: false });
});

Deno.test("spawn() stays in the session of the process without newSession", () => {
  const fd = openPath("/dev/null", OpenFlags.readWrite);
  const [readEnd, writeEnd] = makePipe();
  try {
    const pid = spawn({
      path: "/bin/sh",
      argv: ["sh", "-c", "cut -d' ' -f5,6 /proc/$$/stat; cut -d' ' -f5,6 /proc/$PPID/stat"],
      environment: ["PATH=/usr/bin:/bin"],
      stdio: { descriptors: [fd, writeEnd, 2] },
      newSession: false,
    });
    closeDescriptor(writeEnd);
    const [child, parent] = readAll(readEnd).split("\n");
    assert.deepEqual(waitChild(pid), { code: 0 });
    assert.equal(child, parent);
  } finally {
    closeDescriptor(fd);
    closeDescriptor(readEnd);
  }
});

Deno.test("spawn() refuses strings with NUL", () => {
  const stdio = { descriptors: [0, 1, 2] };
  assert.throws(
    () => spawn({ path: "/bin/true", argv: ["a\0b"], environment: [], stdio, newSession: false }),
    TypeError,
  );
});
