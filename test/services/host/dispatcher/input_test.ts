import assert from "node:assert/strict";
import { makePipe, readInto, writeFrom } from "../../../../ffi/descriptor.ts";
import { closeDescriptor, setNonBlocking } from "../../../../ffi/socket.ts";
import { Input } from "../../../../services/host/dispatcher/input.ts";

const pageBytes = 4_096;
/** What a pipe takes after a first page: 64 KiB as a rule, less where the user has many pipes (pipe(7)). */
const pipeBytes = capacity();

function capacity(): number {
  const [readEnd, writeEnd] = makePipe();
  setNonBlocking(writeEnd, true);
  let taken = 0;
  for (const size of [pageBytes, 1 << 20]) {
    const written = writeFrom(writeEnd, new Uint8Array(new ArrayBuffer(size)));
    if (typeof written === "number") taken += written;
  }
  closeDescriptor(readEnd);
  closeDescriptor(writeEnd);
  return taken;
}

function setUp() {
  const [readEnd, writeEnd] = makePipe();
  setNonBlocking(readEnd, true);
  setNonBlocking(writeEnd, true);
  const seen = { consumed: 0, wanted: false, ended: 0 };
  const input = new Input((bytes) => seen.consumed += bytes);
  const attach = () =>
    input.attach({
      fd: writeEnd,
      want: (writable) => seen.wanted = writable,
      onEnd: () => {
        seen.ended++;
        closeDescriptor(writeEnd);
      },
    });
  const buffer = new Uint8Array(new ArrayBuffer(1 << 20));
  return { input, attach, seen, readEnd, writeEnd, read: () => readInto(readEnd, buffer) };
}

Deno.test("Input gives back credit only for what the pipe has taken", () => {
  const { input, attach, seen, readEnd, writeEnd, read } = setUp();
  input.write(new Uint8Array(pageBytes));
  assert.deepEqual(seen, { consumed: 0, wanted: false, ended: 0 });
  attach();
  assert.equal(seen.consumed, pageBytes);
  input.write(new Uint8Array(2 * pipeBytes));
  assert.deepEqual(seen, { consumed: pipeBytes, wanted: true, ended: 0 });
  assert.equal(read(), pipeBytes);
  input.flush();
  assert.deepEqual(seen, { consumed: 2 * pipeBytes, wanted: true, ended: 0 });
  assert.equal(read(), pipeBytes);
  input.flush();
  assert.deepEqual(seen, { consumed: 2 * pipeBytes + pageBytes, wanted: false, ended: 0 });
  closeDescriptor(readEnd);
  closeDescriptor(writeEnd);
});

Deno.test("Input ends the descriptor once everything before the end has been written", () => {
  const { input, attach, seen, readEnd, read } = setUp();
  input.write(new Uint8Array(pipeBytes + 1));
  input.end();
  attach();
  assert.equal(seen.ended, 0);
  assert.equal(read(), pipeBytes);
  input.flush();
  assert.equal(seen.ended, 1);
  assert.equal(read(), 1);
  assert.equal(read(), "end");
  input.end();
  input.discard();
  assert.equal(seen.ended, 1);
  closeDescriptor(readEnd);
});

Deno.test("Input drops what nobody reads any more, with credit for all of it", () => {
  const { input, attach, seen, readEnd } = setUp();
  attach();
  input.write(new Uint8Array(pipeBytes + 500));
  closeDescriptor(readEnd);
  input.flush();
  assert.deepEqual(seen, { consumed: pipeBytes + 500, wanted: false, ended: 1 });
  input.write(new Uint8Array(70));
  assert.equal(seen.consumed, pipeBytes + 570);
});

Deno.test("Input copies what it keeps: the view it was given dies", () => {
  const { input, attach, readEnd, writeEnd } = setUp();
  const view = new TextEncoder().encode("kept");
  input.write(view);
  view.fill(0);
  attach();
  const buffer = new Uint8Array(new ArrayBuffer(16));
  assert.equal(readInto(readEnd, buffer), 4);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, 4)), "kept");
  closeDescriptor(readEnd);
  closeDescriptor(writeEnd);
});
