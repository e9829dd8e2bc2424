import assert from "node:assert/strict";
import { makePipe, readInto, writeFrom } from "../../../../ffi/descriptor.ts";
import { closeDescriptor } from "../../../../ffi/socket.ts";
import { Loop } from "../../../../services/host/monitor/loop.ts";

const room = () => new Uint8Array(new ArrayBuffer(8));

Deno.test("Loop runs timers in the order of their time, and none that was cancelled", () => {
  const loop = new Loop();
  const order: string[] = [];
  loop.after(20, () => {
    order.push("late");
    loop.stop();
  });
  loop.after(5, () => order.push("early"));
  loop.after(10, () => order.push("cancelled"))();
  loop.run();
  assert.deepEqual(order, ["early", "late"]);
});

Deno.test("Loop calls back for what is readable or hung up, until it is stopped", () => {
  const loop = new Loop();
  const [readEnd, writeEnd] = makePipe();
  writeFrom(writeEnd, room());
  let calls = 0;
  const stop = loop.watch(readEnd, () => {
    calls++;
    if (readInto(readEnd, room()) === "end") {
      stop();
      loop.after(0, () => loop.stop());
    } else closeDescriptor(writeEnd);
  });
  loop.run();
  assert.equal(calls, 2);
  closeDescriptor(readEnd);
});

Deno.test("Loop does not call back for a descriptor whose watch was stopped in the same turn", () => {
  const loop = new Loop();
  const pipes = [makePipe(), makePipe()];
  const stops: (() => void)[] = [];
  let calls = 0;
  for (const [readEnd, writeEnd] of pipes) {
    writeFrom(writeEnd, room());
    stops.push(loop.watch(readEnd, () => {
      calls++;
      stops.forEach((stop) => stop());
      loop.stop();
    }));
  }
  loop.run();
  assert.equal(calls, 1);
  for (const fd of pipes.flat()) closeDescriptor(fd);
});
