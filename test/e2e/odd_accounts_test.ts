import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { shell } from "../support/command.ts";
import { firstLines } from "../support/lines.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";
import { creatingStack } from "../support/stacks.ts";

Deno.test("without a home folder the shell starts in /, and says so on a terminal only", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await makeAccount(login, "-d", "/home/nowhere");
  await Deno.remove("/home/nowhere", { recursive: true });
  const { code, stdout, stderr } = await sallyport.ssh(login, "pwd; echo $HOME");
  deepStrictEqual([code, stdout, stderr], [0, "/\n/home/nowhere\n", ""]);
  await using terminal = await sallyport.terminal(login);
  await terminal.sees(/Could not chdir to home directory \/home\/nowhere/);
  await terminal.enter("pwd");
  await terminal.sees(/^\/$/m);
});

Deno.test("a login shell that does not exist is told", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await makeAccount(login, "-s", "/bin/nosuchshell");
  const { code, stderr } = await sallyport.ssh(login, "true");
  strictEqual(code, 255);
  match(stderr, /login shell does not exist/);
});

Deno.test("nologin says what it says", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await makeAccount(login, "-s", "/usr/sbin/nologin");
  const { code, stdout } = await sallyport.ssh(login, "true");
  deepStrictEqual([code, stdout.trim()], [1, "This account is currently not available."]);
});

Deno.test("an account that may not start processes is told, and others start theirs", async () => {
  const folder = await Deno.makeTempDir({ prefix: "limits-" });
  const login = newLogin();
  const limits = `${folder}/limits.conf`;
  await Deno.writeTextFile(limits, "");
  const stack = await creatingStack(folder, [`session required pam_limits.so conf=${limits}`]);
  await using sallyport = await startSallyport({ stack });
  // Far more than the limit that comes next: the kernel may count in batches a processor.
  const many = "for i in $(seq 200); do sleep 1000 & done; echo up; exec cat";
  await using first = sallyport.spawn(login, many);
  await firstLines(first.stdout, 1);
  await Deno.writeTextFile(limits, `${login} hard nproc 10\n`);
  const { code, stderr } = await sallyport.ssh(login, "true");
  strictEqual(code, 255);
  match(stderr, /may not start more processes/);
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
  await first.stdin.close();
  await first.stderr.cancel();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("an expired account is refused", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await makeAccount(login, "-e", "2001-01-01");
  match(await sallyport.refusal(login), /expired|refuse this login/i);
});

Deno.test("a shell that reads its start-up files reads the account's own", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await makeAccount(login);
  await shell(`echo 'export MARK=profile' > /home/${login}/.profile`);
  await using terminal = await sallyport.terminal(login);
  await terminal.enter("echo mark=$MARK");
  await terminal.sees(/^mark=profile$/m);
  notStrictEqual((await sallyport.ssh(login, "echo mark=$MARK")).stdout, "mark=profile\n");
});
