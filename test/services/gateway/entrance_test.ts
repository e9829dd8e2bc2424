import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { AccessPolicy } from "../../../services/gateway/access.ts";
import { parseAddress } from "../../../services/gateway/address.ts";
import { entranceOf, type Way } from "../../../services/gateway/entrance.ts";
import type { Hosts } from "../../../services/gateway/hosts.ts";
import { role, type RoleText } from "./roles_kit.ts";

const key = "AAAAC3NzaC1lZDI1NTE5AAAAIE9vb29vb29vb29vb29vb29vb29vb29vb29vb29vb29v";
const blob = Uint8Array.fromBase64(key);
const stranger = Uint8Array.fromBase64(key.replace("b29v", "b29w"));

const all = [
  { name: "db-1", labels: { env: "prod", role: "db" } },
  { name: "web-1", labels: { env: "prod", role: "web" } },
  { name: "web-2", labels: { env: "test", role: "web" } },
];
const hosts = {
  all: () => all,
  lastHeard: (name: string) => all.find((host) => host.name === name) ?? null,
} as unknown as Hosts;

/** Where the holder of the key comes out who asks for `username`. */
function way(username: string, roles: RoleText, keyBlob = blob): string | null {
  const user = { name: "ada", keys: [`ssh-ed25519 ${key}`], roles: ["r"], traits: {} };
  const policy = new AccessPolicy([user], { r: role(roles) }, { "pam-*": ["r"] });
  const entrance = entranceOf(parseAddress(username, "web-1")!, policy, hosts, "127.0.0.1");
  return told(entrance.byKey(keyBlob));
}

function told(way: Way | null): string | null {
  switch (way?.to) {
    case "account":
      return `${way.target.login} on ${way.target.host}`;
    case "command":
      return `+${way.command}`;
    case "nowhere":
      return way.why.message;
    default:
      return way?.to ?? null;
  }
}

Deno.test("an entrance by labels leads to the one host among those where the login may be had", () => {
  strictEqual(way("ada+role=db", { logins: ["ada"] }), "ada on db-1");
  strictEqual(way("ada+env=prod", { logins: ["ada"], hostLabels: { role: ["web"] } }), "ada on web-1");
  strictEqual(way("ada+env=prod,role=web", { logins: ["ada"] }), "ada on web-1");
});

Deno.test("an entrance by labels names the hosts to whoever has a key, and only those they reach", () => {
  const several = way("ada+role=web", { logins: ["ada"] })!;
  strictEqual(/^Several hosts .* \(web-1, web-2\)$/.test(several), true, several);
  const none = way("ada+role=web", { logins: ["ada"], hostLabels: { role: ["db"] } })!;
  strictEqual(/^No host that you may log in to has these labels/.test(none), true, none);
  strictEqual(way("ada+role=web", { logins: ["other"] }) === several, false);
  strictEqual(way("ada+role=web", { logins: ["ada"] }, stranger), null);
});

Deno.test("an entrance to an account asks the roles about that host; one never heard has no labels", () => {
  strictEqual(way("ada", { logins: ["ada"], hostLabels: { env: ["prod"] } }), "ada on web-1");
  strictEqual(way("ada+web-2", { logins: ["ada"], hostLabels: { env: ["prod"] } }), null);
  strictEqual(way("ada+web-9", { logins: ["ada"], hostLabels: { env: ["prod"] } }), null);
  strictEqual(way("ada+web-9", { logins: ["ada"] }), "ada on web-9");
});

Deno.test("commands and jumps are entered by a key with a role, and by nothing else", () => {
  for (const [username, to] of [["+hosts", "+hosts"], ["+jump", "hosts"]] as const) {
    strictEqual(way(username, {}), to);
    strictEqual(way(username, {}, stranger), null);
    const policy = new AccessPolicy([], { r: role({ logins: ["*"] }) }, { "*": ["r"] });
    const address = parseAddress(username, "web-1")!;
    strictEqual(entranceOf(address, policy, hosts, "127.0.0.1").byPam("password"), null);
  }
});

Deno.test("by PAM alone labels lead only where there is no choice, and tell nothing", () => {
  const policy = new AccessPolicy([], { r: role({ logins: ["pam-*"] }) }, { "pam-*": ["r"] });
  const by = (username: string) =>
    told(entranceOf(parseAddress(username, "web-1")!, policy, hosts, "::1").byPam("password"));
  deepStrictEqual(["pam-a+role=db", "pam-a+role=web", "pam-a+role=no", "x+role=db"].map(by), [
    ...["pam-a on db-1", null, null, null],
  ]);
});
