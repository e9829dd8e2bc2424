import assert from "node:assert/strict";
import { makePipe, OpenFlags, openPath, readInto, writeFrom } from "../../ffi/descriptor.ts";
import { SystemError } from "../../ffi/errno.ts";
import { closeDescriptor, setNonBlocking } from "../../ffi/socket.ts";

const room = (length = 65_536) => new Uint8Array(new ArrayBuffer(length));

Deno.test("readInto() returns the end when every writer of a pipe has closed", () => {
  const [readEnd, writeEnd] = makePipe();
  assert.equal(writeFrom(writeEnd, new TextEncoder().encode("abc")), 3);
  closeDescriptor(writeEnd);
  const buffer = room();
  assert.equal(readInto(readEnd, buffer), 3);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, 3)), "abc");
  assert.equal(readInto(readEnd, buffer), "end");
  closeDescriptor(readEnd);
});

Deno.test("readInto() and writeFrom() say again when a non-blocking pipe is empty or full", () => {
  const [readEnd, writeEnd] = makePipe();
  setNonBlocking(readEnd, true);
  setNonBlocking(writeEnd, true);
  assert.equal(readInto(readEnd, room()), "again");
  assert.equal(writeFrom(writeEnd, room(1 << 20)), 65_536);
  assert.equal(writeFrom(writeEnd, room(1)), "again");
  closeDescriptor(readEnd);
  assert.equal(writeFrom(writeEnd, room(1)), "gone");
  closeDescriptor(writeEnd);
});

Deno.test("readInto() reads the EIO of a PTY whose slave was closed as the end", () => {
  const master = openPath("/dev/ptmx", OpenFlags.readWrite | OpenFlags.noControllingTty);
  const fdinfo = Deno.readTextFileSync(`/proc/self/fdinfo/${master}`);
  const index = /tty-index:\t(\d+)/.exec(fdinfo)?.[1];
  assert.ok(index !== undefined, fdinfo);
  unlock(master);
  closeDescriptor(openPath(`/dev/pts/${index}`, OpenFlags.readWrite | OpenFlags.noControllingTty));
  assert.equal(readInto(master, room()), "end");
  closeDescriptor(master);
});

/** ioctl(TIOCSPTLCK), <asm-generic/ioctls.h> */
function unlock(master: number): void {
  const libc = Deno.dlopen("libc.so.6", { ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" } });
  assert.equal(libc.symbols.ioctl(master, 0x40045431n, new Int32Array(new ArrayBuffer(4))), 0);
  libc.close();
}

Deno.test("readInto() refuses an empty buffer", () => {
  assert.throws(() => readInto(0, new Uint8Array()), RangeError);
});

Deno.test("openPath() names the path it could not open", () => {
  assert.throws(() => openPath("/nonexistent/file", OpenFlags.readOnly), (error) => {
    assert.ok(error instanceof SystemError);
    return error.errnoName === "ENOENT" && error.message.includes("/nonexistent/file");
  });
});
