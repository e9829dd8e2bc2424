import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { makeAccount, newLogin } from "../support/logins.ts";
import { type Pair, startPair } from "../support/pair.ts";
import { ssh, type SshTarget } from "../support/ssh.ts";

const folder = "/etc/sallyport-test";
const session = "session required pam_permit.so\n";

/** What ssh itself and the two servers say beside the modules. */
const remarks =
  /^(Warning: Permanently added|Connection closed by|Received disconnect|.*: Permission denied \()/;

interface Attempt {
  got: string;
  code: number;
  /** Lines a person reads that are not ssh's own. */
  said: string[];
}

async function attempt(target: SshTarget, login: string, address: string): Promise<Attempt> {
  const options = ["-o", "LogLevel=INFO", "-o", `HostName=${address}`, "-o", "HostKeyAlias=test"];
  const { code, stdout, stderr } = await ssh(target, login, "echo in", { options });
  const said = stderr.split(/\r?\n/).filter((line) => line !== "" && !remarks.test(line));
  return { got: stdout, code, said };
}

/** Tries both and compares: who gets in, the exit status, and that we show all that sshd shows. */
async function tryBoth(pair: Pair, login: string, address = "127.0.0.1"): Promise<Attempt> {
  const theirs = await attempt(pair.sshd, login, address);
  const ours = await attempt(pair.sallyport, login, address);
  deepStrictEqual([ours.got, ours.code], [theirs.got, theirs.code], ours.said.join("\n"));
  for (const line of theirs.said) ok(ours.said.includes(line), `'${line}' is missing in ${ours.said}`);
  return ours;
}

async function getsIn(pair: Pair, login: string, address?: string): Promise<void> {
  deepStrictEqual(await tryBoth(pair, login, address), { got: "in\n", code: 0, said: [] });
}

async function isRefused(pair: Pair, login: string, address?: string): Promise<string> {
  const { got, code, said } = await tryBoth(pair, login, address);
  deepStrictEqual([got, code], ["", 255]);
  return said.join("\n");
}

Deno.test("whom a stack refuses, it refuses as under sshd", async (t) => {
  const [login, other] = [newLogin(), newLogin()];
  for (const name of [login, other]) await makeAccount(name);
  await Deno.mkdir(folder, { recursive: true });
  const file = async (name: string, text: string) => {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  await using pair = await startPair(session);
  const account = (line: string) => pair.use(`account ${line}\n${session}`);

  await t.step("pam_access by the client's address", async () => {
    const rules = await file("access.conf", `+:${login}:::1\n-:${login}:ALL\n+:ALL:127.0.0.0/8\n-:ALL:ALL\n`);
    await account(`required pam_access.so accessfile=${rules}`);
    await getsIn(pair, login, "::1");
    await isRefused(pair, login, "127.0.0.1");
    await isRefused(pair, other, "::1");
    await getsIn(pair, other, "127.0.0.1");
  });
  await t.step("pam_time by service, terminal and login", async () => {
    const rules = await file(
      "time.conf",
      `sshd;ssh;${login};!Al0000-2400\nsshd;tty*;${other};!Al0000-2400\n`,
    );
    await account(`required pam_time.so conffile=${rules}`);
    await isRefused(pair, login);
    await getsIn(pair, other);
  });
  await t.step("pam_nologin with its text", async () => {
    const text = await file("nologin", "Closed until Monday.\nAsk the operators.\n");
    await account(`required pam_nologin.so file=${text}`);
    match(await isRefused(pair, login), /Closed until Monday\.\nAsk the operators\./);
    await Deno.remove(text);
    await account(`required pam_nologin.so file=${text} successok`);
    await getsIn(pair, login);
  });
  for (
    const [condition, isMet] of [
      ["uid >= 100000", false],
      ["uid >= 1000 uid < 100000", true],
      ["user = root", false],
      [`user ingroup ${login}`, true],
      ["tty = ssh", true],
      ["rhost = 127.0.0.1", true],
      ["rhost = ::1", false],
      ["service = sshd", true],
      ["shell = /bin/bash", true],
      ["home notin /srv:/var", true],
    ] as const
  ) {
    await t.step(`pam_succeed_if ${condition.replace(login, "LOGIN")}`, async () => {
      await account(`required pam_succeed_if.so ${condition}`);
      if (isMet) await getsIn(pair, login);
      else await isRefused(pair, login);
    });
  }
  await t.step("pam_echo says why before another refuses", async () => {
    const text = await file("why", "%u may not come from %H on %t to %s\n");
    await pair.use(`account optional pam_echo.so file=${text}\naccount required pam_deny.so\n${session}`);
    match(
      await isRefused(pair, login),
      new RegExp(`^${login} may not come from 127.0.0.1 on ssh to sshd$`, "m"),
    );
  });
  await t.step("a module that is not there refuses, or is left out where the stack lets it", async () => {
    await pair.use(`account required pam_selinux_absent.so\n${session}`);
    await isRefused(pair, login);
    await pair.use(`-account required pam_selinux_absent.so\naccount required pam_permit.so\n${session}`);
    await isRefused(pair, login);
    await pair.use(`-account optional pam_selinux_absent.so\naccount required pam_permit.so\n${session}`);
    await getsIn(pair, login);
    const like = "[success=ok ignore=ignore module_unknown=ignore default=bad]";
    const lines = ["close", "open"].map((way) => `session ${like} pam_selinux_absent.so ${way}\n`).join("");
    await pair.use(`account required pam_permit.so\n${lines}${session}`);
    await getsIn(pair, login);
  });
  await t.step("the session stack: nobody gets a shell, and the reason is read", async () => {
    const text = await file("why", "No session for %u today\n");
    await pair.use(
      `account required pam_permit.so\nsession optional pam_echo.so file=${text}\nsession required pam_deny.so\n`,
    );
    const theirs = await attempt(pair.sshd, login, "127.0.0.1");
    const ours = await attempt(pair.sallyport, login, "127.0.0.1");
    // sshd tells it on the standard output of a command that it ends with 254; we refuse the login.
    deepStrictEqual([theirs.code, ours.code, ours.got], [254, 255, ""]);
    match(theirs.got, new RegExp(`No session for ${login} today`));
    match(ours.said.join("\n"), new RegExp(`^No session for ${login} today$`, "m"));
  });
  strictEqual(await pair.sallyport.leases(), 0);
});
