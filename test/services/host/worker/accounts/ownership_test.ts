import assert from "node:assert/strict";
import { judge, type Standing } from "../../../../../services/host/worker/accounts/ownership.ts";
import type { AccountMode, LedgerEntry } from "../../../../../services/host/worker/accounts/ledger.ts";

const account = {
  login: "ann",
  uid: 70_000,
  gid: 70_000,
  gecos: "Sallyport",
  home: "/home/ann",
  shell: "/bin/sh",
};
const entry: LedgerEntry = {
  ...{ uid: 70_000, mode: "ephemeral", state: "made", home: "/home/ann", ownsHome: true, groups: [] },
  ...{ madeAt: 1, removedAt: null },
};

const cases: [
  what: string,
  Partial<LedgerEntry> | null,
  Partial<typeof account> | null,
  AccountMode | null,
  Standing,
][] = [
  ["nobody has it", null, null, null, "absent"],
  ["it was removed", { state: "removed" }, null, null, "absent"],
  ["the administrator has removed it", {}, null, null, "absent"],
  ["we made it", {}, {}, "ephemeral", "ours"],
  ["its person has changed the GECOS field", {}, { gecos: "Ann" }, "ephemeral", "ours"],
  ["it is only in our group", null, {}, "ephemeral", "foreign"],
  ["it is only in our ledger", {}, {}, null, "foreign"],
  ["it is in the other marker group", {}, {}, "keep", "foreign"],
  ["somebody made it anew with another uid", {}, { uid: 1_001 }, "ephemeral", "foreign"],
  ["somebody made it after we removed it", { state: "removed" }, {}, "ephemeral", "foreign"],
  ["its maker died before useradd", { state: "making" }, null, null, "unfinished"],
  ["its maker died after useradd", { state: "making" }, {}, null, "unfinished"],
  ["its maker died, and somebody made it", { state: "making" }, { gecos: "Ann" }, null, "foreign"],
  [
    "its maker died, and somebody made it with another uid",
    { state: "making" },
    { uid: 1_001 },
    null,
    "foreign",
  ],
  ["its remover died before userdel", { state: "removing" }, {}, "ephemeral", "unfinished"],
  ["its remover died after userdel", { state: "removing" }, null, null, "unfinished"],
  ["its remover died, and somebody made it", { state: "removing" }, { uid: 1_001 }, null, "foreign"],
];

for (const [what, ledgered, local, marker, standing] of cases) {
  Deno.test(`judge() says ${standing} when ${what}`, () => {
    const found = judge(
      ledgered === null ? undefined : { ...entry, ...ledgered },
      local === null ? null : { ...account, ...local },
      marker,
    );
    assert.equal(found, standing);
  });
}
