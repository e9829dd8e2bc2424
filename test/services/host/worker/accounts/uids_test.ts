import assert from "node:assert/strict";
import { Ledger } from "../../../../../services/host/worker/accounts/ledger.ts";
import { chooseUid } from "../../../../../services/host/worker/accounts/uids.ts";

const range = { min: 70_000, max: 70_003 };
const all = () => true;
const allBut = (...taken: number[]) => (uid: number) => !taken.includes(uid);

function ledgerOf(uids: Record<string, number>): Ledger {
  const ledger = new Ledger();
  for (const [login, uid] of Object.entries(uids)) {
    ledger.accounts.set(login, {
      ...{ uid, mode: "keep", state: "removed", home: "/home/x", ownsHome: true, groups: [] },
      ...{ madeAt: 1, removedAt: 2 },
    });
  }
  return ledger;
}

Deno.test("chooseUid() begins with the range, passes over what others have, and never goes back", () => {
  assert.equal(chooseUid("a", new Ledger(), range, all), 70_000);
  assert.equal(chooseUid("a", new Ledger(), range, allBut(70_000, 70_001)), 70_002);
  assert.equal(
    chooseUid("b", ledgerOf({ a: 70_001 }), range, all),
    70_002,
    "70000 may be one that is forgotten",
  );
});

Deno.test("chooseUid() gives a login its uid of before, as long as it is not below the range", () => {
  assert.equal(chooseUid("a", ledgerOf({ a: 70_000, b: 70_001 }), range, all), 70_000);
  assert.equal(chooseUid("a", ledgerOf({ a: 80_500 }), range, all), 80_500);
  assert.equal(chooseUid("a", ledgerOf({ a: 60_500 }), range, all), 70_000);
});

Deno.test("chooseUid() puts a uid down as retired when somebody else has taken it", () => {
  const ledger = ledgerOf({ a: 70_000 });
  assert.equal(chooseUid("a", ledger, range, allBut(70_000)), 70_001);
  ledger.accounts.delete("a");
  assert.equal(chooseUid("b", ledger, range, all), 70_001);
  assert.deepEqual([...ledger.retired], [[70_000, "a"]]);
});

Deno.test("chooseUid() refuses when the range is used up", () => {
  const full = ledgerOf({ a: 70_000, b: 70_001, c: 70_002, d: 70_003 });
  assert.throws(() => chooseUid("e", full, range, all), {
    name: "RangeError",
    message: "Cannot give 'e' a uid: all from 70000 to 70003 were given already",
  });
  assert.throws(() => chooseUid("e", new Ledger(), range, () => false), RangeError);
  assert.equal(chooseUid("e", full, { min: 80_000, max: 80_001 }, all), 80_000, "another range goes on");
});
