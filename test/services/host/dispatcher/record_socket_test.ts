import assert from "node:assert/strict";
import { Poller } from "../../../../ffi/epoll.ts";
import {
  closeDescriptor,
  receiveRecord,
  sendRecord,
  setNonBlocking,
  socketPair,
} from "../../../../ffi/socket.ts";
import { RecordSocket } from "../../../../services/host/dispatcher/record_socket.ts";
import { maxRecordBytes } from "../../../../shared/protocol/limits.ts";
import { until } from "../../../support/wait.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("RecordSocket delivers records in order and says when the peer has closed", async () => {
  using poller = new Poller();
  const [one, other] = socketPair();
  const texts: string[] = [];
  const ended = new Promise<unknown>((resolve) => {
    new RecordSocket(poller, one, {
      onRecord: (record) => texts.push(new TextDecoder().decode(record)),
      onEnd: resolve,
    });
  });
  for (let index = 0; index < 40; index++) sendRecord(other, bytes(`${index}`));
  closeDescriptor(other);
  assert.equal(await ended, null);
  assert.deepEqual(texts, Array.from({ length: 40 }, (_, index) => `${index}`));
});

Deno.test("RecordSocket keeps what the peer does not read yet, in order, up to its bound", async () => {
  using poller = new Poller();
  const [one, other] = socketPair();
  const socket = new RecordSocket(poller, one, { onRecord: () => {}, onEnd: () => {} });
  const record = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  let sent = 0;
  assert.throws(() => {
    for (; sent < 100; sent++) {
      record[0] = sent;
      socket.send(record.slice());
    }
  }, RangeError);
  assert.ok(sent >= 8, `${sent} records`);
  const buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  setNonBlocking(other, true);
  for (let index = 0; index < sent; index++) {
    const received = await until(`record ${index}`, () => {
      const received = receiveRecord(other, buffer);
      return received !== "again" && received;
    });
    assert.deepEqual([received.length, buffer[0]], [maxRecordBytes, index]);
  }
  socket.close();
  socket.close();
  closeDescriptor(other);
});

Deno.test("RecordSocket ends with the cause when its handler throws", async () => {
  using poller = new Poller();
  const [one, other] = socketPair();
  const cause = await new Promise<unknown>((resolve) => {
    new RecordSocket(poller, one, {
      onRecord: () => {
        throw new RangeError("not understood");
      },
      onEnd: resolve,
    });
    sendRecord(other, bytes("nonsense"));
  });
  assert.ok(cause instanceof RangeError);
  assert.equal(receiveRecord(other, new Uint8Array(new ArrayBuffer(8))), null);
  closeDescriptor(other);
});
