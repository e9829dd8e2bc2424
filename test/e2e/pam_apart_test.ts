import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { firstLines } from "../support/lines.ts";
import { makeAccount, newLogin, uidOf } from "../support/logins.ts";
import { type Pair, startPair } from "../support/pair.ts";
import { until } from "../support/wait.ts";

/** Workers are forked from one process: what PAM makes for one login must not be there in another, nor stay behind. */
const stack = [
  "account required pam_unix.so",
  "session required pam_loginuid.so",
  "session optional pam_keyinit.so force revoke",
  "session required pam_permit.so",
  "",
].join("\n");

/** What keyctl(1) says, without the serial numbers. */
const plain = (text: string) => text.replaceAll(/^ *\d+/gm, "KEY");
const identity = "cat /proc/self/loginuid; echo; cat /proc/self/sessionid; echo; keyctl show @s | sed -n 2p";

interface Facts {
  loginUid: number;
  session: number;
  keyring: string;
}

function factsOf(output: string): Facts {
  const [uid = "", session = "", keyring = ""] = output.split("\n");
  return { loginUid: Number(uid), session: Number(session), keyring: keyring.trim().split(/\s+/)[0]! };
}

/** The service's own, which no login may change. */
function ownFacts(pair: Pair): string[] {
  const processes = [...pair.sallyport.processes("worker"), pair.sallyport.process("monitor")];
  return processes.map(({ pid }) => Deno.readTextFileSync(`/proc/${pid}/loginuid`));
}

Deno.test("audit identity and keyring belong to one login", async (t) => {
  const logins = [newLogin(), newLogin()] as const;
  for (const login of logins) await makeAccount(login);
  await using pair = await startPair(stack);
  const before = new Set(ownFacts(pair));
  strictEqual(before.size, 1);

  await t.step("pam_keyinit makes a session keyring as under sshd", async () => {
    const { ours, theirs } = await pair.run(logins[0], "keyctl show @s; keyctl show @us | head -2");
    deepStrictEqual(plain(ours.stdout), plain(theirs.stdout));
    match(ours.stdout, /_ses\b/);
  });
  await t.step("one login after the other", async () => {
    const seen: Facts[] = [];
    for (const login of [...logins, ...logins]) {
      const { stdout, code } = await pair.sallyport.ssh(
        login,
        `${identity}; keyctl show @s | grep -c mark; keyctl add user mark secret @s > /dev/null`,
      );
      strictEqual(code, 0);
      match(stdout, /\n0\n$/, "a key of another login");
      seen.push(factsOf(stdout));
      strictEqual(seen.at(-1)!.loginUid, await uidOf(login));
    }
    for (const key of ["session", "keyring"] as const) {
      strictEqual(new Set(seen.map((facts) => facts[key])).size, seen.length, key);
    }
  });
  await t.step("at once", async () => {
    const outputs = await Promise.all(
      [...logins, ...logins].map(async (login) => {
        await using held = pair.sallyport.spawn(login, `facts=$(${identity}); echo "$facts"; read line`);
        const facts = factsOf((await firstLines(held.stdout, 3)).join("\n"));
        strictEqual(facts.loginUid, await uidOf(login));
        await held.stdin.close();
        await held.stderr.cancel();
        return facts;
      }),
    );
    strictEqual(new Set(outputs.map(({ session }) => session)).size, outputs.length);
    strictEqual(new Set(outputs.map(({ keyring }) => keyring)).size, outputs.length);
  });
  await t.step("nothing of it stays in zygote, workers and monitor", async () => {
    await until("the logins' own workers are gone", () => ownFacts(pair).every((uid) => before.has(uid)));
    ok(pair.sallyport.processes("worker").length > 0);
  });
  await t.step("'revoke' ends the keyring with the session", async () => {
    const held = await pair.sallyport.ssh(logins[0], "keyctl show @s | sed -n 2p | cut -c1-11");
    const serial = held.stdout.trim();
    const { code, stderr } = await pair.sallyport.ssh(logins[0], `keyctl show ${serial}`);
    notStrictEqual(code, 0);
    match(stderr, /revoked|not available|denied/i);
  });
});
