import assert from "node:assert/strict";
import { Admission } from "../../../../services/host/dispatcher/admission.ts";

function record(admission: Admission) {
  const begun: number[] = [];
  const turnedAway: number[] = [];
  const ask = (id: number) => admission.ask(() => begun.push(id), () => turnedAway.push(id));
  return { begun, turnedAway, ask };
}

Deno.test("Admission lets requests in by turns, as workers answer and PAM decides", () => {
  const admission = new Admission({ maxOpening: 3, maxStarting: 2, maxWaitMs: 60_000 });
  const { begun, ask } = record(admission);
  for (let id = 1; id <= 6; id++) assert.equal(ask(id), true);
  assert.deepEqual(begun, [1, 2]);
  admission.answered();
  assert.deepEqual(begun, [1, 2, 3]);
  admission.answered();
  assert.deepEqual(begun, [1, 2, 3]);
  admission.decided();
  assert.deepEqual(begun, [1, 2, 3, 4]);
  admission.answered();
  admission.answered();
  admission.decided();
  admission.decided();
  assert.deepEqual(begun, [1, 2, 3, 4, 5, 6]);
});

Deno.test("Admission refuses when too many wait", () => {
  const { ask } = record(new Admission({ maxOpening: 1, maxStarting: 1, maxWaitMs: 60_000 }));
  let asked = 0;
  while (ask(asked)) asked++;
  assert.equal(asked, 9);
});

Deno.test("Admission turns away who has waited too long", () => {
  const admission = new Admission({ maxOpening: 1, maxStarting: 1, maxWaitMs: -1 });
  const { begun, turnedAway, ask } = record(admission);
  ask(1);
  assert.deepEqual([begun, turnedAway], [[], [1]]);
});

Deno.test("Admission copes with a lease that ends while it begins", () => {
  const admission = new Admission({ maxOpening: 1, maxStarting: 1, maxWaitMs: 60_000 });
  let begun = 0;
  const begin = () => {
    begun++;
    admission.answered();
    admission.decided();
  };
  for (let id = 0; id < 5; id++) admission.ask(begin, () => {});
  assert.equal(begun, 5);
});

Deno.test("Admission gives the turn of those who think about an answer to others", () => {
  const admission = new Admission({ maxOpening: 2, maxStarting: 2, maxWaitMs: 60_000 });
  const { begun, ask } = record(admission);
  for (let id = 1; id <= 4; id++) ask(id);
  admission.answered();
  admission.answered();
  assert.deepEqual(begun, [1, 2]);
  assert.equal(admission.thinks("192.0.2.1"), true);
  assert.deepEqual(begun, [1, 2, 3]);
  admission.answered();
  // Who has thought goes on at once, one more than there should be: nobody else begins before two are done.
  admission.thought("192.0.2.1");
  admission.decided();
  assert.deepEqual(begun, [1, 2, 3]);
  admission.decided();
  assert.deepEqual(begun, [1, 2, 3, 4]);
});

Deno.test("Admission lets one address think about fewer answers than all together", () => {
  const admission = new Admission({ maxOpening: 4, maxStarting: 4, maxWaitMs: 60_000 });
  const thinking = (source: string) => {
    let count = 0;
    while (admission.thinks(source)) count++;
    return count;
  };
  assert.deepEqual(["192.0.2.1", "192.0.2.2", "::1", "::2", "::3"].map(thinking), [8, 8, 8, 8, 0]);
  admission.thought("192.0.2.1");
  assert.deepEqual(["192.0.2.2", "192.0.2.1", "::3"].map(thinking), [0, 1, 0]);
});
