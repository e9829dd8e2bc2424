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
  // Who has answered waits for a place, but before those who have not begun.
  let resumed = false;
  turn(1).goOn(() => resumed = true);
  assert.deepEqual([begun, resumed], [[1, 2, 3], false]);
  turn(2).decided();
  assert.deepEqual([begun, resumed], [[1, 2, 3], true]);
  turn(3).decided();
  assert.deepEqual(begun, [1, 2, 3, 4]);
});

/** Puts questions to people of one login at one address until no more may think. */
function thinkers(admission: Admission, login: string, source: string): Turn[] {
  const turns: Turn[] = [];
  for (let thinks = true; thinks;) {
    admission.ask(login, (turn) => {
      turn.answered();
      thinks = turn.thinks(source);
      if (thinks) turns.push(turn);
      else turn.decided();
    }, () => {});
  }
  return turns;
}

Deno.test("Admission bounds who thinks: in all, for one address or IPv6 network, and for one login", () => {
  const admission = new Admission({ maxOpening: 4, maxStarting: 4, maxWaitMs: 60_000 });
  const count = (login: string, source: string) => thinkers(admission, login, source).length;
  assert.deepEqual(
    [
      ["a", "192.0.2.1"],
      ["b", "192.0.2.1"],
      ["a", "2001:db8::1"],
      ["a", "192.0.2.2"],
      ["b", "2001:db8:0:0:ffff::2"],
      ["b", "2001:db8:0:1::1"],
      ["b", "::ffff:192.0.2.3"],
      ["c", "192.0.2.4"],
    ].map(([login, source]) => count(login!, source!)),
    [8, 0, 8, 0, 0, 8, 8, 0],
  );
});

Deno.test("Admission lets those of one login who answer at once have no more than their share of places", () => {
  const admission = new Admission({ maxOpening: 4, maxStarting: 100, maxWaitMs: 60_000 });
  let resumed = 0;
  const turns = thinkers(admission, "mallory", "192.0.2.1");
  for (const turn of turns) turn.goOn(() => resumed++);
  assert.equal(resumed, 2);
  const { begun, ask } = record(admission);
  ask(1, "alice");
  assert.deepEqual(begun, [1]);
  for (const turn of turns) turn.decided();
  assert.equal(resumed, turns.length, "each in its turn");
});

Deno.test("Admission forgets who leaves while they think or wait to go on", () => {
  const admission = new Admission({ maxOpening: 2, maxStarting: 100, maxWaitMs: 60_000 });
  let resumed = 0;
  for (const turn of thinkers(admission, "ada", "192.0.2.1")) turn.decided();
  const turns = thinkers(admission, "ada", "192.0.2.1");
  assert.equal(turns.length, 4);
  for (const turn of turns) turn.goOn(() => resumed++);
  for (const turn of turns.toReversed()) turn.decided();
  assert.equal(resumed, 1);
  const { begun, ask } = record(admission);
  ask(1);
  ask(2);
  assert.deepEqual(begun, [1, 2]);
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
