import assert from "node:assert/strict";
import { SystemError } from "../../ffi/errno.ts";
import { allocatePty, type Pty } from "../../ffi/pty.ts";
import { closeDescriptor } from "../../ffi/socket.ts";
import { applyTerminalModes, decodeTerminalModes } from "../../ffi/terminal_modes.ts";

/** "encoded terminal modes" of RFC 4254 §8: opcode, uint32, …, TTY_OP_END. */
function encode(modes: [opcode: number, value: number][], end = [0]): Uint8Array {
  const bytes = modes.flatMap(([opcode, value]) => [
    opcode,
    (value >>> 24) & 255,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  ]);
  return Uint8Array.from([...bytes, ...end]);
}

function withPty<T>(use: (pty: Pty) => T): T {
  const pty = allocatePty();
  try {
    return use(pty);
  } finally {
    closeDescriptor(pty.fd);
  }
}

/** What `stty -a` says of the terminal, in words: flags such as `-echo`, and pairs such as `intr = ^C`. */
function stty(path: string): { flags: Set<string>; text: string } {
  const { stdout } = new Deno.Command("stty", { args: ["-a", "-F", path] }).outputSync();
  const text = new TextDecoder().decode(stdout).replace(/\s+/g, " ");
  return { text, flags: new Set(text.split(/[; ]+/)) };
}

/** Opcode → stty's name, in the RFC's order. */
const flagNames: Record<number, string> = {
  30: "ignpar",
  31: "parmrk",
  32: "inpck",
  33: "istrip",
  34: "inlcr",
  35: "igncr",
  36: "icrnl",
  37: "iuclc",
  38: "ixon",
  39: "ixany",
  40: "ixoff",
  41: "imaxbel",
  42: "iutf8",
  50: "isig",
  51: "icanon",
  52: "xcase",
  53: "echo",
  54: "echoe",
  55: "echok",
  56: "echonl",
  57: "noflsh",
  58: "tostop",
  59: "iexten",
  60: "echoctl",
  61: "echoke",
  70: "opost",
  71: "olcuc",
  72: "onlcr",
  73: "ocrnl",
  74: "onocr",
  75: "onlret",
  93: "parodd",
};

const controlCharNames: Record<number, string> = {
  1: "intr",
  2: "quit",
  3: "erase",
  4: "kill",
  5: "eof",
  6: "eol",
  7: "eol2",
  8: "start",
  9: "stop",
  10: "susp",
  12: "rprnt",
  13: "werase",
  14: "lnext",
  16: "swtch",
  18: "discard",
};

for (const [opcode, name] of Object.entries(flagNames)) {
  Deno.test(`applyTerminalModes() switches ${name} (${opcode}) on and off, and nothing else`, () => {
    withPty(({ fd, path }) => {
      const before = stty(path).flags;
      applyTerminalModes(fd, encode([[Number(opcode), 1]]));
      const on = stty(path).flags;
      assert.ok(on.has(name), [...on].join(" "));
      applyTerminalModes(fd, encode([[Number(opcode), 0]]));
      const off = stty(path).flags;
      assert.ok(off.has(`-${name}`), [...off].join(" "));
      const others = (flags: Set<string>) =>
        [...flags].filter((flag) => flag !== name && flag !== `-${name}`);
      assert.deepEqual(others(on), others(before));
      assert.deepEqual(others(off), others(before));
    });
  });
}

Deno.test("applyTerminalModes() switches PENDIN (62) on and off, of which stty has no word", () => {
  withPty(({ fd, path }) => {
    const localFlags = () => {
      const { stdout } = new Deno.Command("stty", { args: ["-g", "-F", path] }).outputSync();
      return parseInt(new TextDecoder().decode(stdout).split(":")[3]!, 16);
    };
    const before = localFlags();
    applyTerminalModes(fd, encode([[62, 1]]));
    assert.equal(localFlags(), before | 0o40000);
    applyTerminalModes(fd, encode([[62, 0]]));
    assert.equal(localFlags(), before);
  });
});

Deno.test("applyTerminalModes() sets every control character to the key it is given", () => {
  withPty(({ fd, path }) => {
    const entries = Object.entries(controlCharNames);
    // ^A, ^B, … in turn, so that no two could be mixed up.
    applyTerminalModes(fd, encode(entries.map(([opcode], index) => [Number(opcode), index + 1])));
    const { text } = stty(path);
    for (const [index, [, name]] of entries.entries()) {
      const key = `^${String.fromCharCode(64 + index + 1)}`;
      assert.ok(text.includes(` ${name} = ${key};`), `${name} = ${key} in ${text}`);
    }
  });
});

Deno.test("applyTerminalModes() disables the control characters that are 255", () => {
  withPty(({ fd, path }) => {
    applyTerminalModes(fd, encode(Object.keys(controlCharNames).map((opcode) => [Number(opcode), 255])));
    const { text } = stty(path);
    for (const name of Object.values(controlCharNames)) {
      assert.ok(text.includes(` ${name} = <undef>;`), `${name} in ${text}`);
    }
  });
});

Deno.test("applyTerminalModes() sets the rest when a pty cannot do 7 bits or parity", () => {
  for (const impossible of [[90, 1], [92, 1]] as [number, number][]) {
    withPty(({ fd, path }) => {
      applyTerminalModes(fd, encode([[91, 0], impossible, [53, 0]]));
      const { flags } = stty(path);
      assert.ok(flags.has("-echo"));
      assert.ok(flags.has("cs8"));
      assert.ok(flags.has("-parenb"));
    });
  }
});

for (const speed of [50, 2400, 9600, 38400, 115200, 4000000]) {
  Deno.test(`applyTerminalModes() sets the speed to ${speed}`, () => {
    withPty(({ fd, path }) => {
      applyTerminalModes(fd, encode([[128, speed], [129, speed]]));
      assert.match(stty(path).text, new RegExp(`^speed ${speed} baud;`));
    });
  });
}

Deno.test("applyTerminalModes() leaves the speed when Linux has no such one, and never hangs up with 0", () => {
  withPty(({ fd, path }) => {
    const before = stty(path).text;
    applyTerminalModes(fd, encode([[128, 12345], [129, 12345], [128, 0], [129, 0]]));
    assert.equal(stty(path).text, before);
  });
});

Deno.test("applyTerminalModes() passes over what Linux does not have", () => {
  withPty(({ fd, path }) => {
    const before = stty(path).text;
    applyTerminalModes(fd, encode([[11, 7], [15, 7], [17, 7], [29, 1], [76, 1], [127, 1], [159, 1]]));
    assert.equal(stty(path).text, before);
    applyTerminalModes(fd, new Uint8Array());
    assert.equal(stty(path).text, before);
  });
});

Deno.test("applyTerminalModes() takes what OpenSSH's client sends", () => {
  withPty(({ fd, path }) => {
    // What ssh -vvv shows on an xterm: speeds, control characters, flags.
    const modes: [number, number][] = [
      [129, 38400],
      [128, 38400],
      [1, 3],
      [2, 28],
      [3, 127],
      [4, 21],
      [5, 4],
      [6, 255],
    ];
    modes.push(
      [7, 255],
      [8, 17],
      [9, 19],
      [10, 26],
      [12, 18],
      [13, 23],
      [14, 22],
      [18, 15],
      [30, 0],
      [31, 0],
      [32, 0],
    );
    modes.push([33, 0], [34, 0], [35, 0], [36, 1], [37, 0], [38, 1], [39, 0], [40, 0], [41, 1], [42, 1], [
      50,
      1,
    ]);
    modes.push([51, 1], [52, 0], [53, 1], [54, 1], [55, 1], [56, 0], [57, 0], [58, 0], [59, 1], [60, 1], [
      61,
      1,
    ]);
    modes.push([62, 0], [70, 1], [71, 0], [72, 1], [73, 0], [74, 0], [75, 0], [90, 1], [91, 1], [92, 0], [
      93,
      0,
    ]);
    applyTerminalModes(fd, encode(modes));
    const { text, flags } = stty(path);
    assert.match(text, /^speed 38400 baud;/);
    for (const flag of ["iutf8", "imaxbel", "icanon", "echo", "cs8", "-parenb"]) {
      assert.ok(flags.has(flag), flag);
    }
    assert.match(text, / erase = \^\?;/);
  });
});

Deno.test("decodeTerminalModes() stops at the end, at an undefined opcode and at a cut", () => {
  const both: [number, number][] = [[53, 1], [129, 0x01020304]];
  assert.deepEqual([...decodeTerminalModes(encode(both))], both);
  assert.deepEqual([...decodeTerminalModes(encode(both, []))], both);
  assert.deepEqual([...decodeTerminalModes(encode([[0, 1], ...both]))], []);
  assert.deepEqual([...decodeTerminalModes(encode([[53, 1], [160, 1], [50, 1]]))], [[53, 1]]);
  assert.deepEqual([...decodeTerminalModes(encode(both, []).subarray(0, 9))], [[53, 1]]);
  assert.deepEqual([...decodeTerminalModes(new Uint8Array())], []);
});

Deno.test("applyTerminalModes() throws when the fd is no terminal", () => {
  assert.throws(
    () => applyTerminalModes(-1, encode([])),
    (error: SystemError) => error.errnoName === "EBADF",
  );
});
