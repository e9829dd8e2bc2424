import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { isAlive, signal } from "../support/processes.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { makeKey } from "../support/ssh.ts";
import { writeScript } from "../support/stacks.ts";
import type { Terminal } from "../support/terminal.ts";
import { until } from "../support/wait.ts";

/** A shell, and its pid. */
async function shellAt(terminal: Terminal): Promise<number> {
  await terminal.sees(/\$ $/m);
  await terminal.enter("echo shell: $$");
  return Number((await terminal.sees(/^shell: (\d+)$/m))[1]);
}

/** Kills the client without a word, and waits until the host has noticed. */
async function cutOff(sallyport: Sallyport, terminal: Terminal): Promise<void> {
  const detached = () => sallyport.logs().split('"Detached"').length;
  const before = detached();
  signal(await terminal.pid(), "SIGKILL");
  await until("the host has noticed", () => detached() > before);
}

/** A stack of which each opening and closing is noted. */
async function countingStack(folder: string): Promise<{ stack: string; calls: () => string }> {
  const tally = `${folder}/tally`;
  const note = await writeScript(folder, "note", `#!/bin/sh\necho $PAM_TYPE >> ${tally}\n`);
  await Deno.writeTextFile(tally, "");
  const exec = `pam_exec.so quiet ${note}`;
  return {
    stack: `account required pam_unix.so\naccount required ${exec}\nsession required ${exec}\n`,
    calls: () => Deno.readTextFileSync(tally).trim().replaceAll("\n", " "),
  };
}

Deno.test("a terminal whose client was cut off is taken up again as it was", async () => {
  await using sallyport = await startSallyport({ config: { host: { detach: "10m" } } });
  const login = newLogin();
  await using lost = await sallyport.terminal(login);
  const shell = await shellAt(lost);
  await lost.enter("clear; vim.tiny -u NONE -N note");
  await lost.sees(/^~\s*$/m);
  await lost.type("ihello from vim");
  await lost.sees(/^hello from vim\s[^]*^-- INSERT --/m);
  const screen = await lost.visible();
  await cutOff(sallyport, lost);

  await using again = await sallyport.terminal(`${login}+local+attach`);
  await until("the screen is the same", async () => await again.visible() === screen);
  await again.type(" and more");
  await again.press("Escape");
  await again.enter(":wq");
  await again.sees(/\$ $/m);
  await again.enter("echo file: $(cat note), shell: $$");
  const [, text] = await again.sees(/^file: (.*)$/m);
  strictEqual(text, `hello from vim and more, shell: ${shell}`);
  await again.enter("exit 3");
  strictEqual(await again.exitCode(), 3);
  await until("PAM is closed", async () => await sallyport.leases() === 0);
  match(await sallyport.refusal(`${login}+local+attach`), /no session of yours to take up/);
});

Deno.test("a client that leaves in good order, or has no terminal, leaves nothing to take up", async () => {
  await using sallyport = await startSallyport({ config: { host: { detach: "10m", hangup_grace: 1 } } });
  const login = newLogin();
  await using terminal = await sallyport.terminal(login);
  const shell = await shellAt(terminal);
  // What closing the window does.
  signal(await terminal.pid(), "SIGHUP");
  await until("the shell has ended", () => !isAlive(shell));
  await until("PAM is closed", async () => await sallyport.leases() === 0);

  const command = sallyport.spawn(login, "echo up; exec cat");
  await command.stdout.getReader().read();
  signal(command.pid, "SIGKILL");
  await command.status;
  await until("PAM is closed", async () => await sallyport.leases() === 0);
  strictEqual(sallyport.logs().includes('"Detached"'), false);
  await command.stdin.close().catch(() => {});
  await command.stderr.cancel();
});

Deno.test("nobody comes back in time: the shell is hung up and PAM closed, once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "detach-" });
  const { stack, calls } = await countingStack(folder);
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await startSallyport({ stack, config: { host: { detach: 1, hangup_grace: 1 } } });
  await using lost = await sallyport.terminal(login);
  const shell = await shellAt(lost);
  await cutOff(sallyport, lost);
  strictEqual(isAlive(shell), true);
  await until("the shell has ended", () => !isAlive(shell));
  await until("PAM is closed", async () => await sallyport.leases() === 0);
  strictEqual(calls(), "account open_session close_session");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("who takes up a session is asked for by PAM again, names it, and has it alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "detach-" });
  const { stack, calls } = await countingStack(folder);
  const login = newLogin();
  await makeAccount(login);
  const otherKey = await makeKey(`${folder}/other`);
  const mine = await makeKey(`${folder}/mine`);
  const users = [
    { name: "ada", keys: [mine], roles: ["all"] },
    { name: "eve", keys: [otherKey], roles: ["all"] },
  ] as unknown as Record<string, unknown>;
  await using sallyport = await startSallyport({ stack, config: { host: { detach: "10m" }, users } });
  const asAda = ["-i", `${folder}/mine`];
  const asEve = ["-i", `${folder}/other`];
  const attach = `${login}+local+attach`;

  await using one = await sallyport.terminal(login, { options: asAda });
  const first = await shellAt(one);
  await using two = await sallyport.terminal(login, { options: asAda });
  const second = await shellAt(two);
  await cutOff(sallyport, one);
  await cutOff(sallyport, two);

  match(await sallyport.refusal(attach, { options: asEve }), /no session of yours to take up/);
  match(await sallyport.refusal(`${attach}=${first}`, { options: asEve }), /no session of yours to take up/);
  const list = await sallyport.refusal(attach, { options: asAda });
  const lines = list.split("\n").filter((line) => line.includes("detached"));
  deepStrictEqual(lines.map((line) => Number(line.split(" ")[0])), [first, second]);
  match(list, /name one, as in LOGIN\+HOST\+attach=ID/);

  await using back = await sallyport.terminal(`${attach}=${second}`, { options: asAda });
  await back.sees(new RegExp(`^shell: ${second}$`, "m"));
  await back.enter("echo still $$");
  await back.sees(new RegExp(`^still ${second}$`, "m"));
  await using thief = await sallyport.terminal(`${attach}=${second}`, { options: asAda });
  await thief.sees(new RegExp(`^still ${second}$`, "m"));
  strictEqual(await back.exitCode(), 255);
  await back.sees(/taken up by another connection of yours/);
  await thief.enter("echo mine $$");
  await thief.sees(new RegExp(`^mine ${second}$`, "m"));

  const { code, stderr } = await sallyport.ssh(`${attach}=${first}`, "true", { options: asAda });
  strictEqual(code, 255);
  match(stderr, /by a shell on a terminal/);

  await run(["chage", "-E", "0", login]);
  match(await sallyport.refusal(`${attach}=${first}`, { options: asAda }), /account rules refuse this login/);
  await run(["chage", "-E", "-1", login]);
  await using last = await sallyport.terminal(attach, { options: asAda });
  await last.sees(new RegExp(`^shell: ${first}$`, "m"));
  for (const terminal of [last, thief]) {
    await terminal.enter("exit");
    strictEqual(await terminal.exitCode(), 0);
  }
  await until("PAM is closed", async () => await sallyport.leases() === 0);
  const count = (call: string) => calls().split(" ").filter((said) => said === call).length;
  deepStrictEqual([count("open_session"), count("close_session")], [2, 2]);
  await Deno.remove(folder, { recursive: true });
});
