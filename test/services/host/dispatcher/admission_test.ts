import assert from "node:assert/strict";
import { Admission, type Turn } from "../../../../services/host/dispatcher/admission.ts";

function record(admission: Admission) {
  const begun: number[] = [];
  const turns = new Map<number, Turn>();
  const turnedAway: number[] = [];
  const ask = (id: number, login = `login-${id}`) => {
    const begin = (turn: Turn) => {
      begun.push(id);
      turns.set(id, turn);
    };
    return admission.ask(login, begin, () => turnedAway.push(id));
  };
  return { begun, turnedAway, ask, turn: (id: number) => turns.get(id)! };
}

Deno.test("Admission lets requests in by turns, as workers answer and PAM decides", () => {
  const admission = new Admission({ maxOpening: 3, maxStarting: 2, maxWaitMs: 60_000 });
  const { begun, ask, turn } = record(admission);
  for (let id = 1; id <= 6; id++) assert.equal(ask(id), true);
  assert.deepEqual(begun, [1, 2]);
  turn(1).answered();
  assert.deepEqual(begun, [1, 2, 3]);
  turn(2).answered();
  assert.deepEqual(begun, [1, 2, 3]);
  turn(1).decided();
  assert.deepEqual(begun, [1, 2, 3, 4]);
  turn(3).answered();
  turn(4).answered();
  turn(2).decided();
  turn(3).decided();
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
  const begin = (turn: Turn) => {
    begun++;
    turn.answered();
    turn.decided();
  };
  for (let id = 0; id < 5; id++) admission.ask("ada", begin, () => {});
  assert.equal(begun, 5);
});

Deno.test("Admission gives the turn of those who think about an answer to others", () => {
  const admission = new Admission({ maxOpening: 2, maxStarting: 2, maxWaitMs: 60_000 });
  const { begun, ask, turn } = record(admission);
  for (let id = 1; id <= 4; id++) ask(id);
  turn(1).answered();
  turn(2).answered();
  assert.deepEqual(begun, [1, 2]);
  assert.equal(turn(1).thinks("192.0.2.1"), true);
  assert.deepEqual(begun, [1, 2, 3]);
  turn(3).answered();
  // Who has thought goes on at once, one more than there should be: nobody else begins before two are done.
  turn(1).thought("192.0.2.1");
  turn(1).decided();
  assert.deepEqual(begun, [1, 2, 3]);
  turn(2).decided();
  assert.deepEqual(begun, [1, 2, 3, 4]);
});

Deno.test("Admission lets one address think about fewer answers than all together", () => {
  const admission = new Admission({ maxOpening: 4, maxStarting: 4, maxWaitMs: 60_000 });
  const { ask, turn } = record(admission);
  ask(1);
  const thinking = (source: string) => {
    let count = 0;
    while (turn(1).thinks(source)) count++;
    return count;
  };
  assert.deepEqual(["192.0.2.1", "192.0.2.2", "::1", "::2", "::3"].map(thinking), [8, 8, 8, 8, 0]);
  turn(1).thought("192.0.2.1");
  assert.deepEqual(["192.0.2.2", "192.0.2.1", "::3"].map(thinking), [0, 1, 0]);
});

Deno.test("Admission keeps half of the places in PAM, and of the queue, for other logins than one that hangs", () => {
  const admission = new Admission({ maxOpening: 4, maxStarting: 100, maxWaitMs: 60_000 });
  const { begun, ask, turn } = record(admission);
  let hanging = 0;
  while (ask(hanging, "hanger")) hanging++;
  assert.deepEqual(begun, [0, 1]);
  assert.equal(hanging, 2 + 16);
  ask(100, "ada");
  ask(101, "bob");
  ask(102, "cyd");
  assert.deepEqual(begun, [0, 1, 100, 101]);
  turn(100).decided();
  assert.deepEqual(begun, [0, 1, 100, 101, 102]);
  turn(0).decided();
  assert.deepEqual(begun, [0, 1, 100, 101, 102, 2]);
});

Deno.test("Admission does not count those who think to their login's share", () => {
  const admission = new Admission({ maxOpening: 2, maxStarting: 100, maxWaitMs: 60_000 });
  const { begun, ask, turn } = record(admission);
  ask(1, "shared");
  ask(2, "shared");
  assert.deepEqual(begun, [1]);
  turn(1).thinks("192.0.2.1");
  assert.deepEqual(begun, [1, 2]);
});
