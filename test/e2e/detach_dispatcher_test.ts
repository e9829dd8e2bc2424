import { match, ok, strictEqual } from "node:assert/strict";
import { makeAccount, newLogin } from "../support/logins.ts";
import { isAlive, signal } from "../support/processes.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { writeScript } from "../support/stacks.ts";
import type { Terminal } from "../support/terminal.ts";
import { until } from "../support/wait.ts";

/** PAM notes each opening and closing. */
async function start(folder: string, detach: string, roles?: Record<string, object>): Promise<Sallyport> {
  const note = await writeScript(folder, "note", `#!/bin/sh\necho $PAM_TYPE $PAM_USER >> ${folder}/tally\n`);
  await Deno.writeTextFile(`${folder}/tally`, "");
  const stack = `account required pam_permit.so\nsession required pam_exec.so quiet ${note}\n`;
  return await startSallyport({
    stack,
    config: { host: { detach, hangup_grace: 1 }, ...(roles && { roles }) },
  });
}

function callsFor(folder: string, login: string): string {
  const lines = Deno.readTextFileSync(`${folder}/tally`).trim().split("\n");
  return lines.filter((line) => line.endsWith(` ${login}`)).map((line) => line.split(" ")[0]).join(" ");
}

async function shellAt(terminal: Terminal): Promise<number> {
  await terminal.sees(/\$ $/m);
  await terminal.enter("echo shell: $$");
  return Number((await terminal.sees(/^shell: (\d+)$/m))[1]);
}

Deno.test("a session outlives the dispatcher, more than once, and a monitor that dies closes it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "detach-" });
  const [login, commandLogin] = [newLogin(), newLogin()];
  await makeAccount(login);
  await makeAccount(commandLogin);
  await using sallyport = await start(folder, "10m");
  await using lost = await sallyport.terminal(login);
  const shell = await shellAt(lost);
  await lost.enter("sleep 1000 & vim.tiny -u NONE -N note");
  await lost.sees(/^~\s*$/m);
  await lost.type("ihello from vim");
  await lost.sees(/^hello from vim\s[^]*^-- INSERT --/m);
  const screen = await lost.visible();
  const command = sallyport.spawn(commandLogin, "echo up; exec cat");
  await command.stdout.getReader().read();

  signal(sallyport.process("dispatcher").pid, "SIGKILL");
  strictEqual(await lost.exitCode(), 255);
  await command.status;
  await until(
    "PAM of the command is closed",
    () => callsFor(folder, commandLogin) === "open_session close_session",
  );
  await until("a new dispatcher has it", () => /has kept 1 sessions/.test(sallyport.logs()));

  await using again = await sallyport.terminal(`${login}+local+attach`);
  await until("the screen is the same", async () => await again.visible() === screen);
  await again.press("Escape");
  await again.enter(":wq");
  await again.sees(/\$ $/m);

  signal(sallyport.process("dispatcher").pid, "SIGKILL");
  strictEqual(await again.exitCode(), 255);
  await until("another one has it", () => sallyport.logs().split("has kept 1 sessions").length === 3);
  await using third = await sallyport.terminal(`${login}+local+attach`);
  await third.sees(/was lost when the host's service restarted/);
  await third.enter("echo still $$");
  await third.sees(new RegExp(`^still ${shell}$`, "m"));
  strictEqual(callsFor(folder, login), "open_session");

  signal(sallyport.process("monitor").pid, "SIGKILL");
  await until("PAM is closed", () => callsFor(folder, login) === "open_session close_session");
  await until("the shell has ended", () => !isAlive(shell));
  await until("no journal is left", async () => await sallyport.leases() === 0);
  await command.stdin.close().catch(() => {});
  await command.stderr.cancel();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the detach time ends a session also while there is no dispatcher", async () => {
  const folder = await Deno.makeTempDir({ prefix: "detach-" });
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await start(folder, "1s");
  await using lost = await sallyport.terminal(login);
  const shell = await shellAt(lost);
  const monitor = sallyport.process("monitor").pid;
  signal(monitor, "SIGSTOP");
  signal(sallyport.process("dispatcher").pid, "SIGKILL");
  await until("the shell has ended", () => !isAlive(shell));
  await until("PAM is closed", () => callsFor(folder, login) === "open_session close_session");
  signal(monitor, "SIGCONT");
  await until("a new dispatcher serves", async () => (await sallyport.ssh(login, "exit 7")).code === 7, {
    timeoutMs: 30_000,
  });
  match(await sallyport.refusal(`${login}+local+attach`), /no session of yours to take up/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what a role limits a session to holds under the next dispatcher as well", async () => {
  const folder = await Deno.makeTempDir({ prefix: "detach-" });
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await start(folder, "10m", { all: { logins: ["*"], max_session_ttl: 6 } });
  const startedAt = performance.now();
  await using lost = await sallyport.terminal(login);
  const shell = await shellAt(lost);
  signal(sallyport.process("dispatcher").pid, "SIGKILL");
  await until("a new dispatcher has it", () => /has kept 1 sessions/.test(sallyport.logs()));
  await until("the shell has ended", () => !isAlive(shell), { timeoutMs: 20_000 });
  ok(performance.now() - startedAt > 5_900);
  await until("PAM is closed", () => callsFor(folder, login) === "open_session close_session");
  await until("the operator is told", () => /allow no longer: session-expired/.test(sallyport.logs()));
  await Deno.remove(folder, { recursive: true });
});
