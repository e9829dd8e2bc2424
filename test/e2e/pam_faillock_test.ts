import { deepStrictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { accountWith } from "../support/logins.ts";
import { startPair } from "../support/pair.ts";
import { leaveAtPrompt, person } from "../support/person.ts";
import { processTree } from "../support/processes.ts";
import { ssh, type SshTarget } from "../support/ssh.ts";
import { until } from "../support/wait.ts";

const password = "correct horse";

Deno.test("pam_faillock counts, locks and unlocks as under sshd", async () => {
  const records = await Deno.makeTempDir({ prefix: "faillock-" });
  const options = `dir=${records} deny=2 unlock_time=600 nodelay`;
  await using pair = await startPair(
    [
      `auth required pam_faillock.so preauth ${options}`,
      "auth sufficient pam_unix.so nodelay",
      `auth [default=die] pam_faillock.so authfail ${options}`,
      `account required pam_faillock.so ${options}`,
      "account required pam_unix.so",
      "session required pam_permit.so",
      "",
    ].join("\n"),
    { asks: true },
  );

  const failures = async (login: string) => {
    const { stdout } = await run(["faillock", "--dir", records, "--user", login]);
    return stdout.match(/ RHOST +(127\.0\.0\.1|localhost) +V$/gm)?.length ?? 0;
  };
  /** Nothing of a login is left on either side. */
  const isOver = async () => {
    await until("no lease is left", async () => await pair.sallyport.leases() === 0);
    await until("sshd is alone", () => processTree(pair.sshd.pid).length === 1);
  };

  /** What happens to one account that goes through all of it. */
  const story = async (target: SshTarget) => {
    const login = await accountWith(password);
    const told: [code: number, failures: number, isLocked: boolean][] = [];
    const logIn = async (answer: string) => {
      const somebody = await person("keyboard-interactive", [answer]);
      const { code, stderr } = await ssh(target, login, "true", somebody.options);
      told.push([
        code,
        await failures(login),
        /locked due to \d failed logins/.test(stderr + somebody.asked()),
      ]);
    };
    await logIn("wrong");
    await logIn(password); // A good one, and the account phase, forget what was.
    await logIn("wrong");
    await logIn("wrong again");
    await logIn(password);
    await run(["faillock", "--dir", records, "--user", login, "--reset"]);
    await logIn(password);
    await leaveAtPrompt(target, login);
    await isOver();
    told.push([0, await failures(login), false]);
    return told;
  };
  const { theirs, ours } = await pair.both(story);
  deepStrictEqual(ours, theirs);
  deepStrictEqual(ours, [
    [255, 1, false],
    [0, 0, false],
    [255, 1, false],
    [255, 2, false],
    [255, 2, true],
    [0, 0, false],
    // Who leaves without an answer has not failed.
    [0, 0, false],
  ]);
  await Deno.remove(records, { recursive: true });
});
