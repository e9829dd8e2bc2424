import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Role, RoleSet } from "../../../services/gateway/roles.ts";
import { at, role, type RoleText } from "./roles_kit.ts";

function set(...roles: RoleText[]): RoleSet {
  return new RoleSet(roles.map(role));
}

const prod = { env: "prod", role: "web" };

/** Who may have `deploy` where; the README's table of how roles are put together. */
const decisions: [
  what: string,
  roles: RoleText[],
  labels: Record<string, string>,
  source: string,
  boolean,
][] = [
  ["nobody without a role", [], prod, "127.0.0.1", false],
  ["nobody by a role without logins", [{}], prod, "127.0.0.1", false],
  ["by any role that allows it", [{ logins: ["x"] }, { logins: ["deploy"] }], prod, "127.0.0.1", true],
  [
    "where all labels agree",
    [{ logins: ["deploy"], hostLabels: { env: ["prod"], role: ["web"] } }],
    prod,
    "::1",
    true,
  ],
  [
    "not where one differs",
    [{ logins: ["deploy"], hostLabels: { env: ["prod"], role: ["db"] } }],
    prod,
    "::1",
    false,
  ],
  [
    "by one value of a list",
    [{ logins: ["deploy"], hostLabels: { env: ["test", "prod"] } }],
    prod,
    "::1",
    true,
  ],
  ["by a pattern of a value", [{ logins: ["deploy"], hostLabels: { env: ["pr?d"] } }], prod, "::1", true],
  [
    "not where the host has no such label",
    [{ logins: ["deploy"], hostLabels: { dc: ["*"] } }],
    prod,
    "::1",
    false,
  ],
  [
    "not by labels that every object has",
    [{ logins: ["deploy"], hostLabels: { constructor: ["*"] } }],
    prod,
    "::1",
    false,
  ],
  ["on every host by *", [{ logins: ["deploy"], hostLabels: { "*": ["*"] } }], {}, "::1", true],
  ["not by half a *", [{ logins: ["deploy"], hostLabels: { "*": ["prod"] } }], prod, "::1", false],
  [
    "not by one role's login and another's labels",
    [{ logins: ["deploy"], hostLabels: { env: ["test"] } }, { logins: ["x"], hostLabels: { env: ["prod"] } }],
    prod,
    "::1",
    false,
  ],
  ["from a network", [{ logins: ["deploy"], sourceAddresses: ["192.0.2.0/24"] }], prod, "192.0.2.7", true],
  ["not from another", [{ logins: ["deploy"], sourceAddresses: ["192.0.2.0/24"] }], prod, "192.0.3.7", false],
  ["from one address", [{ logins: ["deploy"], sourceAddresses: ["192.0.2.7"] }], prod, "192.0.2.7", true],
  [
    "from a network by IPv6",
    [{ logins: ["deploy"], sourceAddresses: ["2001:db8::/32"] }],
    prod,
    "2001:db8::7",
    true,
  ],
  [
    "from IPv4 that comes as IPv6",
    [{ logins: ["deploy"], sourceAddresses: ["192.0.2.0/24"] }],
    prod,
    "::ffff:192.0.2.7",
    true,
  ],
  [
    "from an interface's own address",
    [{ logins: ["deploy"], sourceAddresses: ["fe80::/10"] }],
    prod,
    "fe80::1%eth0",
    true,
  ],
  [
    "not a login that is denied",
    [{ logins: ["*"], deny: { logins: ["deploy"], hostLabels: {}, commands: [] } }],
    prod,
    "::1",
    false,
  ],
  [
    "not a login another role denies",
    [{ logins: ["deploy"] }, { deny: { logins: ["de*"] } }],
    prod,
    "::1",
    false,
  ],
  [
    "not on a host another role denies",
    [{ logins: ["deploy"] }, { deny: { hostLabels: { env: ["prod"] } } }],
    prod,
    "::1",
    false,
  ],
  [
    "on a host that is not denied",
    [{ logins: ["deploy"] }, { deny: { hostLabels: { env: ["test"] } } }],
    prod,
    "::1",
    true,
  ],
];

for (const [what, roles, labels, source, expected] of decisions) {
  Deno.test(`roles: a login may be had ${what}`, () => {
    strictEqual(set(...roles).allows("deploy", at(labels, source)), expected);
  });
}

Deno.test("roles: whatever other roles allow, deny wins", () => {
  const allowing: RoleText[] = [
    { logins: ["*", "root", "deploy"], commands: ["*"] },
    { logins: ["deploy"], hostLabels: { env: ["*"] } },
    { logins: ["d*"], hostLabels: { "*": ["*"] } },
  ];
  const denying: RoleText["deny"][] = [
    { logins: ["deploy"] },
    { logins: ["*"] },
    { hostLabels: { env: ["prod"] } },
    { hostLabels: { "*": ["*"] } },
  ];
  for (const deny of denying) {
    for (let mask = 0; mask < 1 << allowing.length; mask++) {
      const roles: RoleText[] = allowing.filter((_, index) => mask & (1 << index));
      for (let position = 0; position <= roles.length; position++) {
        const all = [
          ...roles.slice(0, position),
          { logins: ["deploy"], deny: deny! },
          ...roles.slice(position),
        ];
        strictEqual(set(...all).allows("deploy", at(prod)), false, JSON.stringify(all));
      }
    }
  }
});

Deno.test("roles: a pattern that denies covers root, and one that allows does not", () => {
  strictEqual(set({ logins: ["*"] }).allows("root", at({})), false);
  strictEqual(set({ logins: ["root"] }).allows("root", at({})), true);
  strictEqual(set({ logins: ["root"] }, { deny: { logins: ["r*"] } }).allows("root", at({})), false);
});

Deno.test("roles: what limits counts from every role, the strictest, and 0 limits nothing", () => {
  const grant = set(
    { logins: ["a"], maxSessions: 5, clientIdleTimeout: 60_000, record: "best_effort" },
    // A role that does not apply here may limit all the same.
    { hostLabels: { env: ["test"] }, maxSessions: 3, maxSessionTtl: 9_000, record: "strict" },
    { maxSessions: 0, maxSessionTtl: 8_000 },
  ).grantAt(at(prod));
  deepStrictEqual(grant, {
    maxSessions: 3,
    idleTimeoutMs: 60_000,
    ttlMs: 8_000,
    forwarding: [],
    record: "strict",
  });
});

Deno.test("roles: forwarding counts from the roles that apply, together", () => {
  const roles = set(
    { forwarding: ["local"] },
    { forwarding: ["agent", "local"], hostLabels: { env: ["prod"] } },
    { forwarding: ["x11"], hostLabels: { env: ["test"] } },
    { forwarding: ["remote"], sourceAddresses: ["192.0.2.0/24"] },
  );
  deepStrictEqual(roles.grantAt(at(prod)).forwarding, ["agent", "local"]);
  deepStrictEqual(roles.grantAt(at({}, "192.0.2.1")).forwarding, ["local", "remote"]);
});

Deno.test("roles: a host is reached if some login is left of those allowed there", () => {
  strictEqual(set({ logins: ["a"], hostLabels: { env: ["prod"] } }).reaches(at(prod)), true);
  strictEqual(set({ logins: ["a"], hostLabels: { env: ["test"] } }).reaches(at(prod)), false);
  strictEqual(set({ logins: ["a", "b"], deny: { logins: ["a"] } }).reaches(at(prod)), true);
  strictEqual(set({ logins: ["a", "b*"], deny: { logins: ["*"] } }).reaches(at(prod)), false);
  strictEqual(set().reaches(at(prod)), false);
});

Deno.test("roles: commands of the gateway are allowed by name or pattern, from where the role counts, unless denied", () => {
  const from = "192.0.2.7";
  const roles = set({ commands: ["hosts", "se*"], sourceAddresses: ["192.0.2.0/24"] });
  deepStrictEqual(["hosts", "sessions", "kill"].map((name) => roles.allowsCommand(name, from)), [
    true,
    true,
    false,
  ]);
  strictEqual(roles.allowsCommand("hosts", "127.0.0.1"), false);
  strictEqual(set({ commands: ["*"] }, { deny: { commands: ["kill"] } }).allowsCommand("kill", from), false);
});

Deno.test("roles: nothing is allowed by what a role leaves out", () => {
  const empty: Role = role({});
  const all = new RoleSet([empty]);
  ok(!all.allows("", at({})) && !all.reaches(at({})) && !all.allowsCommand("hosts", "::1"));
});
