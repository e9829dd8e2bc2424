import assert from "node:assert/strict";
import { SystemError } from "../../ffi/errno.ts";
import { makePipe, readInto, writeFrom } from "../../ffi/descriptor.ts";
import { closeDescriptor, receiveRecord, sendRecord, setNonBlocking, socketPair } from "../../ffi/socket.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const room = () => new Uint8Array(new ArrayBuffer(4096));

function withPair(use: (one: number, other: number) => void): void {
  const [one, other] = socketPair();
  try {
    use(one, other);
  } finally {
    closeDescriptor(one);
    closeDescriptor(other);
  }
}

Deno.test("receiveRecord() gives the records one by one as they were sent", () => {
  withPair((one, other) => {
    sendRecord(one, bytes("first"));
    sendRecord(one, bytes("second"));
    const buffer = room();
    assert.deepEqual(receiveRecord(other, buffer), { length: 5, descriptors: [] });
    assert.equal(new TextDecoder().decode(buffer.subarray(0, 5)), "first");
    assert.deepEqual(receiveRecord(other, buffer), { length: 6, descriptors: [] });
  });
});

Deno.test("sendRecord() sends a view that starts in the middle of its buffer", () => {
  withPair((one, other) => {
    sendRecord(one, bytes("abcdef").subarray(2, 4));
    const buffer = room();
    assert.deepEqual(receiveRecord(other, buffer.subarray(100)), { length: 2, descriptors: [] });
    assert.equal(new TextDecoder().decode(buffer.subarray(100, 102)), "cd");
  });
});

Deno.test("sendRecord() passes descriptors that work and are close-on-exec", () => {
  withPair((one, other) => {
    const [readEnd, writeEnd] = makePipe();
    sendRecord(one, bytes("x"), [readEnd, writeEnd]);
    closeDescriptor(readEnd);
    closeDescriptor(writeEnd);
    const received = receiveRecord(other, room());
    assert.ok(received && received !== "again");
    assert.equal(received.descriptors.length, 2);
    const [reader = -1, writer = -1] = received.descriptors;
    assert.match(Deno.readTextFileSync(`/proc/self/fdinfo/${reader}`), /flags:\t02000000/);
    assert.equal(writeFrom(writer, bytes("through")), 7);
    assert.equal(readInto(reader, room()), 7);
    received.descriptors.forEach(closeDescriptor);
  });
});

Deno.test("receiveRecord() returns null when the peer has closed, also with unread records", () => {
  const [one, other] = socketPair();
  sendRecord(other, bytes("never read"));
  closeDescriptor(one);
  assert.equal(receiveRecord(other, room()), null);
  assert.throws(() => sendRecord(other, bytes("x")), (error) => {
    assert.ok(error instanceof SystemError);
    return error.errnoName === "EPIPE";
  });
  closeDescriptor(other);
});

Deno.test("receiveRecord() says again, and sendRecord() EAGAIN, on non-blocking sockets", () => {
  withPair((one, other) => {
    setNonBlocking(other, true);
    assert.equal(receiveRecord(other, room()), "again");
    setNonBlocking(one, true);
    const fill = () => {
      for (;;) sendRecord(one, room());
    };
    assert.throws(fill, (error) => error instanceof SystemError && error.errnoName === "EAGAIN");
    setNonBlocking(one, false);
    assert.match(Deno.readTextFileSync(`/proc/self/fdinfo/${one}`), /flags:\t02000002/);
  });
});

Deno.test("receiveRecord() refuses a record that does not fit and keeps none of its descriptors", () => {
  withPair((one, other) => {
    const [readEnd, writeEnd] = makePipe();
    sendRecord(one, room(), [writeEnd]);
    closeDescriptor(writeEnd);
    assert.throws(() => receiveRecord(other, room().subarray(0, 100)), RangeError);
    // No writer is left, so the copy that came with the record is closed too.
    assert.equal(readInto(readEnd, room()), "end");
    closeDescriptor(readEnd);
  });
});

Deno.test("sendRecord() refuses an empty record", () => {
  withPair((one) => assert.throws(() => sendRecord(one, new Uint8Array()), RangeError));
});

Deno.test("closeDescriptor() throws when the descriptor is not open", () => {
  // Above any limit, so that no other thread of the tests can have it.
  assert.throws(() => closeDescriptor(0x7fff_ffff), SystemError);
});
