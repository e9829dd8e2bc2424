import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { shell } from "../support/command.ts";
import { replaceFiles } from "../support/files.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { sameScreen, startPair } from "../support/pair.ts";

/** Debian's file as it is, under the name that sshd insists on. */
async function under(name: string): Promise<string> {
  return name === "sshd" ? await Deno.readTextFile("/etc/pam.d/sshd") : `@include ${name}\n`;
}

/** What each shows beyond the prompt: all have pam_mail and pam_motd but su-l, which is for people who are there. */
const shown: Record<string, RegExp[]> = {
  "sshd": [/^Welcome here$/m, /^Linux sallyport-test /m, /mail/],
  "login": [/^Last login: /m, /^Welcome here$/m, /^Linux sallyport-test /m, /mail/],
  "su-l": [],
};

for (const [service, texts] of Object.entries(shown)) {
  Deno.test(`Debian's own stack ${service} runs unchanged`, async () => {
    await using _files = await replaceFiles({
      "/etc/motd": "Welcome here\n",
      "/etc/default/locale": "LANG=C.UTF-8\n",
      "/etc/environment": "PATH=/usr/bin:/bin:/opt/bin\nSITE=here\n",
    });
    const login = newLogin();
    await makeAccount(login);
    await shell("mkdir -p /var/mail && echo 'From x' > /var/mail/$1 && chown $1:mail /var/mail/$1", [login]);
    const own = await under(service);
    await using pair = await startPair(own, { service });
    await pair.screens(login, "exit"); // The first login of all is the only one without a last.

    const screen = sameScreen(await pair.screens(login, "exit"));
    for (const text of texts) match(screen, text);
    for (
      const command of [
        "umask; ulimit -a; id; cat /proc/self/loginuid",
        "env | grep -vE '^(SSH_|TELEPORT_)' | sort",
      ]
    ) {
      await pair.same(login, command);
    }
    match((await pair.run(login, "env")).ours.stdout, /^SITE=here$/m);
    deepStrictEqual(await pair.same(login, "echo only this"), "only this\n");
    strictEqual(await Deno.readTextFile("/etc/pam.d/sshd"), own);
  });
}

Deno.test("an account that Debian's stack refuses is refused as under sshd", async () => {
  const login = newLogin();
  await makeAccount(login, "-e", "2001-01-01");
  await using pair = await startPair(null);
  const { ours, theirs } = await pair.run(login, "true", { options: ["-o", "LogLevel=INFO"] });
  deepStrictEqual([ours.code, theirs.code], [255, 255]);
  for (const text of [ours.stderr, theirs.stderr]) {
    match(text, /Your account has expired; please contact your system administrator/);
  }
});
