import assert from "node:assert/strict";
import {
  Ledger,
  type LedgerEntry,
  readLedger,
  writeLedger,
} from "../../../../../services/host/worker/accounts/ledger.ts";

function entry(uid: number, changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    ...{ uid, mode: "keep", state: "made", home: "/home/x", ownsHome: true, groups: [] },
    ...{ madeAt: 1, removedAt: null },
    ...changes,
  };
}

function sample(): Ledger {
  const ledger = new Ledger();
  ledger.markers.set("keep", 995);
  ledger.accounts.set("ann", entry(70_000));
  ledger.accounts.set(
    "bob",
    entry(70_001, { state: "removed", removedAt: 2, groups: ["web"], mode: "ephemeral" }),
  );
  ledger.retired.set(70_002, "bob");
  return ledger;
}

Deno.test("readLedger() reads back what writeLedger() wrote, and the file is for root alone", () => {
  const folder = Deno.makeTempDirSync();
  const file = `${folder}/state/accounts.json`;
  assert.equal(readLedger(file), null);
  writeLedger(file, sample());
  writeLedger(file, sample());
  assert.deepEqual(readLedger(file), sample());
  assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
  assert.equal(Deno.statSync(`${folder}/state`).mode! & 0o777, 0o700);
  assert.deepEqual([...Deno.readDirSync(`${folder}/state`)].map(({ name }) => name), ["accounts.json"]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("readLedger() refuses a damaged file, and says what to do", () => {
  const file = Deno.makeTempFileSync();
  const whole = JSON.parse(new TextDecoder().decode(sample().encode()));
  const changed = (change: (text: typeof whole) => void) => {
    const copy = structuredClone(whole);
    change(copy);
    return JSON.stringify(copy);
  };
  const damaged = [
    "",
    JSON.stringify(whole).slice(0, -1),
    changed((ledger) => ledger.version = 2),
    changed((ledger) => delete ledger.accounts),
    changed((ledger) => ledger.accounts.ann.uid = 0),
    changed((ledger) => ledger.accounts.ann.uid = 999),
    changed((ledger) => ledger.accounts.ann.uid = 70_001),
    changed((ledger) => ledger.accounts.ann.uid = 70_002),
    changed((ledger) => ledger.accounts.ann.state = "gone"),
    changed((ledger) => ledger.accounts.ann.home = "home"),
    changed((ledger) => ledger.accounts["../x"] = ledger.accounts.ann),
  ];
  for (const text of damaged) {
    Deno.writeTextFileSync(file, text);
    assert.throws(() => readLedger(file), /The ledger of accounts .* is damaged; restore it/, text);
  }
  Deno.removeSync(file);
});
