/** Who runs PAM, and when: the table of ARCHITECTURE.md, measured here and under sshd by a module that notes each call. */

import assert from "node:assert/strict";
import { rowsIn } from "../support/documents.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { makeModule } from "../support/modules.ts";
import { person } from "../support/person.ts";
import { pamAsksWithoutKey, startSallyport } from "../support/sallyport.ts";
import { spawnSsh, ssh, sshArguments, type SshTarget } from "../support/ssh.ts";
import { startSshd } from "../support/sshd.ts";
import { run } from "../support/command.ts";
import { until } from "../support/wait.ts";

/** Notes `login call` in a file; asks for a password, and refuses at whatever the login's name ends in. */
const noting = `
extern int open(const char *, int, ...);
extern long write(int, const void *, unsigned long);
extern char *strstr(const char *, const char *);
extern int pam_set_data(pam_handle_t *, const char *, void *, void (*)(pam_handle_t *, void *, int));
extern int pam_get_data(const pam_handle_t *, const char *, const void **);
static int note(pam_handle_t *pamh, const char *call) {
  char line[256];
  const void *user = "?";
  int file = open("NOTES", 02001); /* O_WRONLY | O_APPEND */
  pam_get_item(pamh, PAM_USER, &user);
  write(file, line, snprintf(line, sizeof line, "%s %s\\n", (const char *) user, call));
  close(file);
  return strstr((const char *) user, call) ? PAM_PERM_DENIED : PAM_SUCCESS;
}
static void ended(pam_handle_t *pamh, void *data, int status) { note(pamh, "end"); }
static int begin(pam_handle_t *pamh, const char *call) {
  const void *data;
  if (pam_get_data(pamh, "noted", &data) != PAM_SUCCESS) pam_set_data(pamh, "noted", "", ended);
  return note(pamh, call);
}
int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) {
  const struct pam_conv *conv;
  const struct pam_message ask = {PAM_PROMPT_ECHO_OFF, "Password: "}, *messages[] = {&ask};
  struct pam_response *responses = 0;
  begin(pamh, "auth");
  pam_get_item(pamh, PAM_CONV, (const void **) &conv);
  if (conv->conv(1, messages, &responses, conv->appdata_ptr) != PAM_SUCCESS || !responses) return PAM_CONV_ERR;
  return strcmp(responses[0].resp, "right") == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
}
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) {
  return begin(pamh, flags & 4 ? "uncred" : "cred");
}
int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv) { return begin(pamh, "acct"); }
int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv) { return begin(pamh, "open"); }
int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv) { return note(pamh, "close"); }
`;

type Row = (target: SshTarget, login: string) => Promise<unknown>;

/** By the first column of the table; a login's name says where PAM refuses it. */
const rows: Record<string, Row> = {
  "a key, one command": (target, login) => ssh(target, login, "true"),
  "a password, one command": async (target, login) => {
    const { options } = await person("keyboard-interactive", ["right"]);
    return await ssh(target, login, "true", options);
  },
  "a key, then a shell and three commands on one connection": (target, login) =>
    onOneConnection(target, login, async (multiplexed) => {
      await multiplexed([], "exit\n");
      for (let count = 0; count < 3; count++) await multiplexed(["true"]);
    }),
  "a key, and no channel at all (`ssh -N`)": (target, login) =>
    onOneConnection(target, login, () => Promise.resolve()),
  "a wrong password": async (target, login) => {
    const { options } = await person("keyboard-interactive", ["wrong"]);
    return await ssh(target, login, "true", options);
  },
  "a key, refused by the account stack": (target, login) => ssh(target, `${login}-acct`, "true"),
  "a key, refused by the session stack": (target, login) => ssh(target, `${login}-open`, "true"),
};

/** A master connection without a channel of its own, and what runs over it. */
async function onOneConnection(
  target: SshTarget,
  login: string,
  action: (multiplexed: (command: string[], stdin?: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const socket = `${await Deno.makeTempDir()}/s`;
  const master = spawnSsh(target, login, [], ["-N", "-M", "-S", socket]);
  await until(
    "the connection stands",
    async () => (await run(["ssh", "-S", socket, "-O", "check", "x"])).code === 0,
  );
  await action((command, stdin = "") => run(sshArguments(target, login, ["-S", socket], command), { stdin }));
  await run(["ssh", "-S", socket, "-O", "exit", "x"]);
  await master.output();
}

Deno.test("PAM is called when the table of ARCHITECTURE.md says, here and under sshd", async () => {
  const folder = await Deno.makeTempDir();
  const notes = `${folder}/notes`;
  await Deno.writeTextFile(notes, "");
  await Deno.chmod(folder, 0o755);
  await Deno.chmod(notes, 0o666); // sshd calls PAM as the account, too.
  const module = await makeModule(folder, "pam_noting", noting.replace("NOTES", notes));
  const stack = ["auth", "account", "session"].map((facility) => `${facility} required ${module}\n`).join("");
  await using sallyport = await startSallyport({
    stack,
    config: pamAsksWithoutKey,
  });
  await using sshd = await startSshd(stack);
  const table = rowsIn(await Deno.readTextFile("ARCHITECTURE.md"), "Who runs PAM, and when");
  assert.deepEqual(table.map(([row]) => row), Object.keys(rows));
  for (const [row = "", here, there] of table) {
    for (const [target, expected] of [[sallyport, here], [sshd, there]] as const) {
      const login = newLogin();
      for (const suffix of ["", "-acct", "-open"]) await makeAccount(`${login}${suffix}`);
      await rows[row]!(target, login);
      const calls = async () =>
        (await Deno.readTextFile(notes)).split("\n").filter((line) => line.startsWith(login))
          .map((line) => line.split(" ")[1]).join(" ");
      await until("PAM has ended", async () => await calls() === expected, { timeoutMs: 5_000 }).catch(
        () => {},
      );
      assert.equal(await calls(), expected, `${target === sshd ? "sshd" : "Sallyport"}: ${row}`);
    }
  }
});
