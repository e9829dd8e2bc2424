import assert from "node:assert/strict";
import { parseConfigFile } from "../../../shared/config/load.ts";
import { toHostSettings } from "../../../shared/config/settings.ts";
import { noAccounts } from "../../support/accounts.ts";

function accountsOf(keys: string) {
  const text = `host: {name: h, identity: i, trust: t, accounts: {${keys}}}`;
  return toHostSettings(parseConfigFile(text, "/srv/sp/sallyport.yaml")).accounts;
}

Deno.test("host.accounts is off unless asked for, and its uids are clear of useradd's and systemd's", () => {
  assert.deepEqual(accountsOf(""), noAccounts);
  assert.equal(accountsOf("mode: off").mode, "off");
  assert.equal(accountsOf("mode: false").mode, "off", "as YAML 1.1 reads off");
  assert.equal(accountsOf("mode: ephemeral").mode, "ephemeral");
  assert.equal(accountsOf("ledger: accounts.json").ledgerFile, "/srv/sp/accounts.json");
  assert.deepEqual(accountsOf("uid_range: 2000-2000").uidRange, { min: 2_000, max: 2_000 });
});

Deno.test("host.accounts refuses what would be dangerous or mean nothing", () => {
  const wrong = [
    ...["mode: drop", "mode: yes", "groups: [a b]", "groups: ['-x']", "shell: bash", "shell: /bin/../x"],
    ...["home: /", "home: home", "home: /home/./x", 'home: "/a:b"', "sudoers: ['']"],
    ...['sudoers: ["ALL=(ALL) ALL\\nALL ALL=(ALL) ALL"]', "sudoers: ['ALL=(ALL) ALL \\']"],
    ...["uid_range: 999-2000", "uid_range: 0-2000", "uid_range: 3000-2000", "uid_range: 60000-70000"],
    ...["uid_range: 70000", "uid_range: 70000-4294967295", "sweep_interval: never", "delete: yes"],
  ];
  for (const keys of wrong) assert.throws(() => accountsOf(keys), { name: "ConfigError" }, keys);
});
