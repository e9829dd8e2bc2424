import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

/** Files useradd(8) writes; nothing else in /etc may change. */
const accountFiles = /^\/etc\/(\.pwd\.lock|(passwd|shadow|group|gshadow|subuid|subgid)-?)$/;

async function etcDigests(): Promise<string[]> {
  const { stdout } = await run(["find", "/etc", "-type", "f", "-exec", "sha256sum", "{}", "+"]);
  return stdout.split("\n").filter((line) => !accountFiles.test(line.slice(66))).sort();
}

Deno.test("the first login of a new account is complete, and the second finds it as it is", async () => {
  await Deno.writeTextFile("/etc/motd", "A message of the day\n");
  await using sallyport = await startSallyport();
  const login = newLogin();
  const before = await etcDigests();
  {
    await using terminal = await sallyport.terminal(login, { columns: 200 });
    await terminal.sees(/\$ $/m);
    await terminal.enter('echo "zero=$0 home=$HOME shell=$SHELL cwd=$PWD user=$USER/$LOGNAME"');
    await terminal.sees(
      new RegExp(
        `^zero=-bash home=/home/${login} shell=/bin/bash cwd=/home/${login} user=${login}/${login}$`,
        "m",
      ),
    );
    await terminal.enter("echo id=$(id -un):$(id -gn):$(id -Gn) tty=$(stat -c %U:%G:%a $(tty)) = $SSH_TTY");
    const [, tty] = await terminal.sees(/^id=\S+ tty=.* = (\/dev\/pts\/\d+)$/m);
    const screen = await terminal.screen();
    match(screen, new RegExp(`id=${login}:${login}:${login} tty=${login}:tty:620 = ${tty}`));
    strictEqual(screen.match(/A message of the day/g)?.length, 1, "the motd is shown once");
    await terminal.enter("touch was-here; exit 4");
    strictEqual(await terminal.exitCode(), 4);
  }
  const passwdLine = (await run(["getent", "passwd", login])).stdout;
  const second = await sallyport.ssh(login, "ls; id -un");
  deepStrictEqual([second.code, second.stdout, second.stderr], [0, `was-here\n${login}\n`, ""]);
  strictEqual((await run(["getent", "passwd", login])).stdout, passwdLine);
  deepStrictEqual(await etcDigests(), before);
});
