import assert from "node:assert/strict";
import { Router } from "../../../services/broker/router.ts";
import { covers } from "../../../services/broker/subject.ts";

interface Entry {
  subject: string;
  queue: string | null;
}

const tokens = ["a", "b", "*", "c"];

function anySubject(wild: boolean): string {
  const pick = () => tokens[Math.floor(Math.random() * tokens.length)] ?? "a";
  const parts = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () => {
    const token = pick();
    return token === "*" && !wild ? "d" : token;
  });
  if (wild && Math.random() < 0.3) parts.push(">");
  return parts.join(".");
}

Deno.test("Router finds exactly what comparing with every subscription finds, while they come and go", () => {
  const router = new Router<Entry>();
  const all = new Set<Entry>();
  for (let round = 0; round < 3_000; round++) {
    if (all.size < 30 || Math.random() < 0.5) {
      const entry = { subject: anySubject(true), queue: Math.random() < 0.3 ? "g" : null };
      all.add(entry);
      router.add(entry);
    } else {
      const [victim] = all;
      if (victim) {
        all.delete(victim);
        router.remove(victim);
      }
    }
    const subject = anySubject(false);
    const expected = [...all].filter((entry) => covers(entry.subject.split("."), subject.split(".")));
    const { plain, queues } = router.route(subject);
    assert.deepEqual(new Set(plain), new Set(expected.filter(({ queue }) => queue === null)), subject);
    assert.deepEqual(
      new Set(queues.flat()),
      new Set(expected.filter(({ queue }) => queue !== null)),
      subject,
    );
    assert.equal(plain.length + queues.flat().length, expected.length, subject);
  }
});

Deno.test("Router groups the members of each queue", () => {
  const router = new Router<Entry>();
  for (const queue of ["g", "h", "g", null]) router.add({ subject: "a.*", queue });
  const { plain, queues } = router.route("a.b");
  assert.equal(plain.length, 1);
  assert.deepEqual(queues.map((members) => members.length).sort(), [1, 2]);
});

Deno.test("Router takes wildcards in a published subject for ordinary tokens", () => {
  const router = new Router<Entry>();
  const [literal, wild] = [{ subject: "a.b", queue: null }, { subject: "a.*", queue: null }];
  router.add(literal);
  router.add(wild);
  assert.deepEqual(router.route("a.*").plain, [wild]);
  assert.deepEqual(router.route("a.>").plain, [wild]);
});
