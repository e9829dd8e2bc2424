import { match, strictEqual } from "node:assert/strict";
import { run, shell } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { startPair } from "../support/pair.ts";

const skeleton = "/etc/sallyport-skel";

/** Mode, owner and name of everything in a home folder. */
async function listing(login: string): Promise<string> {
  const { stdout } = await shell('cd /home/$1 && find . -printf "%m %u:%g %p\\n" | sort -k3', [login]);
  return stdout.replaceAll(login, "LOGIN");
}

Deno.test("pam_mkhomedir makes the home folder as under sshd", async () => {
  await Deno.mkdir(`${skeleton}/.config/deep`, { recursive: true });
  await Deno.writeTextFile(`${skeleton}/.config/deep/file`, "from the skeleton\n", { mode: 0o640 });
  await Deno.writeTextFile(`${skeleton}/run-me`, "#!/bin/sh\n", { mode: 0o755 });
  await using pair = await startPair([
    "account required pam_unix.so",
    `session required pam_mkhomedir.so umask=0027 skel=${skeleton}`,
    "session required pam_permit.so",
    "",
  ].join("\n"));
  const logins = { theirs: newLogin(), ours: newLogin() };
  for (const login of Object.values(logins)) {
    await run(["useradd", "-M", "-s", "/bin/bash", "-d", `/home/${login}`, login]);
  }
  const screens = {
    theirs: await pair.screen(pair.sshd, logins.theirs, "exit"),
    ours: await pair.screen(pair.sallyport, logins.ours, "exit"),
  };
  strictEqual(await listing(logins.ours), await listing(logins.theirs));
  match(await listing(logins.ours), /^750 LOGIN:LOGIN \.\n/);
  match(await listing(logins.ours), /^640 LOGIN:LOGIN \.\/\.config\/deep\/file$/m);
  strictEqual(
    (await pair.sallyport.ssh(logins.ours, "pwd; cat .config/deep/file")).stdout,
    `/home/${logins.ours}\nfrom the skeleton\n`,
  );
  match(screens.ours, new RegExp(`^Creating directory '/home/${logins.ours}'\\.\n`));
  strictEqual(
    screens.ours.replaceAll(logins.ours, "LOGIN"),
    screens.theirs.replaceAll(logins.theirs, "LOGIN"),
  );
});
