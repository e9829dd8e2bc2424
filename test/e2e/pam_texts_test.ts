import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { shell } from "../support/command.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { sameScreen, startPair } from "../support/pair.ts";

const folder = "/etc/sallyport-test";

Deno.test("what modules say at login is shown where sshd shows it", async (t) => {
  const login = newLogin();
  await makeAccount(login);
  await Deno.mkdir(`${folder}/motd.d`, { recursive: true });
  await Deno.writeTextFile(`${folder}/motd`, "The message of the day\nwith a second line and \ttab\n");
  await Deno.writeTextFile(`${folder}/motd.d/10-more`, "More of the day\n");
  await Deno.writeTextFile(`${folder}/echo`, "Hello %u on %h by %s, %t, from %H%%\n");
  await shell('mkdir -p /var/mail && echo "From x" > /var/mail/$1 && chown $1:mail /var/mail/$1', [login]);
  await using pair = await startPair([
    "account required pam_unix.so",
    `session optional pam_echo.so file=${folder}/echo`,
    "session optional pam_lastlog.so",
    `session optional pam_motd.so motd=${folder}/motd motd_dir=${folder}/motd.d`,
    "session optional pam_mail.so standard",
    "session required pam_permit.so",
    "",
  ].join("\n"));
  // The first login at a terminal leaves the record that the next one shows.
  await pair.screens(login, "exit");

  await t.step("a shell on a terminal shows all of it", async () => {
    const screen = sameScreen(await pair.screens(login, "exit"));
    match(
      screen,
      new RegExp(`^Hello ${login} on \\S+ by sshd, ssh, from (127\\.0\\.0\\.1|localhost)%$`, "m"),
    );
    match(screen, /^Last login: .*from (127\.0\.0\.1|localhost)/m);
    match(screen, /^The message of the day$/m);
    match(screen, /^More of the day$/m);
    match(screen, /You have .*mail/);
  });
  await t.step("a command shows nothing, with a terminal or without", async () => {
    strictEqual(await pair.same(login, "echo only this"), "only this\n");
    strictEqual(await pair.same(login, "echo only this", { options: ["-tt"] }), "only this\r\n");
  });
  await t.step("a shell without a terminal shows it too", async () => {
    const { ours, theirs } = await pair.run(login, "", { stdin: "echo and this\n", options: ["-T"] });
    match(
      sameScreen({ ours: ours.stdout, theirs: theirs.stdout }),
      /^Hello [^]*^The message[^]*^and this\n$/m,
    );
  });
  await t.step("with .hushlogin a shell shows nothing", async () => {
    await Deno.writeTextFile(`/home/${login}/.hushlogin`, "");
    const screen = sameScreen(await pair.screens(login, "exit"));
    match(screen, new RegExp(`^${login}@`));
    const { ours, theirs } = await pair.run(login, "", { stdin: "echo only this\n", options: ["-T"] });
    deepStrictEqual([ours.stdout, theirs.stdout], ["only this\n", "only this\n"]);
  });
});
