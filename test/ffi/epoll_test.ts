import assert from "node:assert/strict";
import { makePipe, readInto, writeFrom } from "../../ffi/descriptor.ts";
import { EpollEvents, Poller } from "../../ffi/epoll.ts";
import { closeDescriptor, setNonBlocking, socketPair } from "../../ffi/socket.ts";

const byte = new Uint8Array(new ArrayBuffer(1));
const room = () => new Uint8Array(new ArrayBuffer(16));

Deno.test("Poller calls back when a descriptor becomes readable, each time again until it is read", async () => {
  using poller = new Poller();
  const [readEnd, writeEnd] = makePipe();
  const { promise, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  const id = poller.add(readEnd, EpollEvents.in, (events) => {
    assert.equal(events, EpollEvents.in);
    if (++calls < 3) return;
    readInto(readEnd, room());
    resolve();
  });
  writeFrom(writeEnd, byte);
  await promise;
  assert.equal(calls, 3);
  poller.remove(id);
  closeDescriptor(readEnd);
  closeDescriptor(writeEnd);
});

Deno.test("Poller reports a hang-up although nothing was asked for", async () => {
  using poller = new Poller();
  const [readEnd, writeEnd] = makePipe();
  const hangUp = new Promise<number>((resolve) => {
    const id = poller.add(readEnd, 0, (events) => {
      poller.remove(id);
      resolve(events);
    });
  });
  closeDescriptor(writeEnd);
  assert.equal(await hangUp, EpollEvents.hangUp);
  closeDescriptor(readEnd);
});

Deno.test("Poller.change() stops and starts what is reported", async () => {
  using poller = new Poller();
  const [one, other] = socketPair();
  setNonBlocking(one, true);
  let reads = 0;
  const reader = poller.add(one, EpollEvents.in, () => {
    reads++;
    poller.change(reader, 0);
  });
  writeFrom(other, byte);
  const [readEnd, writeEnd] = makePipe();
  // The pipe is written to again and again; each report is one more turn in which `one` could have been reported.
  await new Promise<void>((resolve) => {
    let turns = 0;
    const id = poller.add(readEnd, EpollEvents.in, () => {
      if (++turns < 5) return;
      poller.remove(id);
      resolve();
    });
    writeFrom(writeEnd, byte);
  });
  assert.equal(reads, 1);
  await new Promise<void>((resolve) => {
    poller.remove(reader);
    const again = poller.add(one, 0, () => {
      poller.remove(again);
      resolve();
    });
    poller.change(again, EpollEvents.in);
  });
  for (const fd of [one, other, readEnd, writeEnd]) closeDescriptor(fd);
});

Deno.test("Poller ends its thread when nothing is left and starts it again", async () => {
  using poller = new Poller();
  const [readEnd, writeEnd] = makePipe();
  for (let round = 0; round < 20; round++) {
    await new Promise<void>((resolve) => {
      const id = poller.add(readEnd, EpollEvents.in, () => {
        readInto(readEnd, room());
        poller.remove(id);
        resolve();
      });
      writeFrom(writeEnd, byte);
    });
  }
  closeDescriptor(readEnd);
  closeDescriptor(writeEnd);
});

Deno.test("Poller.remove() keeps an event of the same turn from being delivered", async () => {
  using poller = new Poller();
  const pipes = [makePipe(), makePipe()];
  const ids: number[] = [];
  let calls = 0;
  await new Promise<void>((resolve) => {
    for (const [readEnd, writeEnd] of pipes) {
      writeFrom(writeEnd, byte);
      ids.push(poller.add(readEnd, EpollEvents.in, () => {
        calls++;
        ids.forEach((id) => poller.remove(id));
        resolve();
      }));
    }
  });
  assert.equal(calls, 1);
  for (const fd of pipes.flat()) closeDescriptor(fd);
});
