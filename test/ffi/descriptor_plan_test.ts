import assert from "node:assert/strict";
import { planDescriptors } from "../../ffi/descriptor_plan.ts";

Deno.test("planDescriptors() is right for every list of up to five descriptors", () => {
  const highest = 6;
  const check = (descriptors: number[]) => {
    // What each number of the child refers to: at first, what it is in the parent.
    const table = new Map(Array.from({ length: highest + 1 }, (_, fd) => [fd, fd]));
    for (const { from, to } of planDescriptors(descriptors).steps) table.set(to, table.get(from) ?? -1);
    const result = descriptors.map((_, fd) => table.get(fd));
    assert.deepEqual(result, descriptors, `${descriptors}`);
  };
  const extend = (descriptors: number[]) => {
    check(descriptors);
    if (descriptors.length === 5) return;
    for (let fd = 0; fd <= highest; fd++) extend([...descriptors, fd]);
  };
  extend([]);
});

Deno.test("planDescriptors() copies nothing aside when nothing is in the way", () => {
  assert.deepEqual(planDescriptors([0, 1, 2]).spare, []);
  assert.deepEqual(planDescriptors([0, 0, 0]).spare, []);
  assert.deepEqual(planDescriptors([7, 8, 8]).spare, []);
});
