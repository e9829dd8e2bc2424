import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { makeBareAccounts } from "../support/logins.ts";
import { makeModule } from "../support/modules.ts";
import { allProcesses, isAlive, signal } from "../support/processes.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

/** Does to its process what its login says: `DEED-STEP`, such as `abort-open`. */
const source = `
typedef struct { unsigned long bits[16]; } sigset;
extern long write(int, const void *, unsigned long);
extern int sigfillset(sigset *);
extern int sigprocmask(int, const sigset *, sigset *);
extern void *signal(int, void *);
extern int chdir(const char *);
extern int mkdir(const char *, unsigned);
extern int rmdir(const char *);
extern int open(const char *, int, ...);
extern int getpid(void);

static void say(pam_handle_t *pamh, const char *text) {
  const struct pam_conv *conv;
  struct pam_message message = { PAM_TEXT_INFO, text };
  const struct pam_message *messages[1] = { &message };
  struct pam_response *answers = 0;
  pam_get_item(pamh, PAM_CONV, (const void **) &conv);
  conv->conv(1, messages, &answers, conv->appdata_ptr);
  if (answers) { free(answers->resp); free(answers); }
}

static int on_signal(int number) { return number; }

static int act(pam_handle_t *pamh, const char *step, const char *folder) {
  const char *user;
  char deed[64];
  int i;
  pam_get_item(pamh, PAM_USER, (const void **) &user);
  snprintf(deed, sizeof deed, "%s", user);
  for (i = 0; deed[i] && deed[i] != '-'; i++);
  if (!deed[i] || strcmp(deed + i + 1, step)) return PAM_SUCCESS;
  deed[i] = 0;
  if (!strcmp(deed, "abort")) abort();
  if (!strcmp(deed, "exit")) exit(0);
  if (!strcmp(deed, "segv")) *(volatile int *) 16 = 1;
  if (!strcmp(deed, "hang")) for (;;) sleep(1000);
  if (!strcmp(deed, "mega")) {
    char *text = malloc(1048577);
    memset(text, 'x', 1048576);
    text[1048576] = 0;
    say(pamh, text);
    free(text);
  }
  if (!strcmp(deed, "chatter")) for (i = 0; i < 20000; i++) say(pamh, "This module likes to talk, and talks and talks.");
  if (!strcmp(deed, "daemon") && fork() == 0) {
    char line[32];
    int fd;
    setsid();
    snprintf(deed, sizeof deed, "%s/daemons", folder);
    fd = open(deed, 02001);
    write(fd, line, snprintf(line, sizeof line, "%d\\n", getpid()));
    for (;;) sleep(1000);
  }
  if (!strcmp(deed, "scribble")) for (i = 0; i < 10; i++) write(i, "\\377 {} scribble\\n", 15);
  if (!strcmp(deed, "signals")) {
    sigset all;
    sigfillset(&all);
    sigprocmask(0, &all, 0);
    for (i = 1; i < 32; i++) if (i != 9 && i != 19) signal(i, i == 10 ? (void *) on_signal : (void *) 1);
  }
  if (!strcmp(deed, "chdir")) { mkdir("/tmp/gone", 0700); chdir("/tmp/gone"); rmdir("/tmp/gone"); }
  if (!strcmp(deed, "closeall")) for (i = 0; i < 1024; i++) close(i);
  if (!strcmp(deed, "closestd")) for (i = 0; i < 3; i++) close(i);
  return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv) { return act(pamh, "acct", argv[0]); }
int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv) { return act(pamh, "open", argv[0]); }
int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv) { return act(pamh, "close", argv[0]); }
`;

const deeds = [
  ...["abort", "exit", "segv", "hang", "mega", "chatter", "daemon", "scribble", "signals", "chdir"],
  ...["closeall", "closestd"],
];
const logins = ["acct", "open", "close"].flatMap((step) => deeds.map((deed) => `${deed}-${step}`));
const died = /session process ended unexpectedly/;

/** Times in seconds. */
const limits = { LoginGraceTime: 3, hangup_grace: 1, close_timeout: 2 };
/** What another login may take meanwhile: far less than any of the limits. */
const normalMs = 2_500;

class Misbehaving implements AsyncDisposable {
  private constructor(readonly sallyport: Sallyport, readonly folder: string) {}

  static async start(): Promise<Misbehaving> {
    const passwd = await Deno.readTextFile("/etc/passwd");
    if (!/^bystander:/m.test(passwd)) await makeBareAccounts(["bystander", ...logins]);
    const folder = await Deno.makeTempDir({ prefix: "modules-" });
    for (const name of ["tally", "daemons"]) await Deno.writeTextFile(`${folder}/${name}`, "");
    const module = `${await makeModule(folder, "deeds", source)} ${folder}`;
    const count = await writeScript(
      folder,
      "count",
      `#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >> ${folder}/tally\n`,
    );
    // It counts before the module has its say.
    const session = `session required pam_exec.so quiet ${count}\nsession required ${module}\n`;
    const sallyport = await startSallyport({
      stack: `account required ${module}\n${session}`,
      config: { host: limits },
    });
    return new Misbehaving(sallyport, folder);
  }

  count(step: "open_session" | "close_session", login: string): number {
    return Deno.readTextFileSync(`${this.folder}/tally`).split("\n").filter((line) =>
      line === `${step} ${login}`
    ).length;
  }

  /** Runs `during` while somebody else logs in, who must not notice. */
  async beside<T>(during: () => Promise<T>): Promise<T> {
    const [result] = await Promise.all([during(), this.#another()]);
    return result;
  }

  async #another(): Promise<void> {
    const before = performance.now();
    const { code, stderr } = await this.sallyport.ssh("bystander", "exit 7");
    strictEqual(code, 7, stderr);
    const tookMs = performance.now() - before;
    ok(tookMs < normalMs, `another login took ${tookMs} ms`);
  }

  /** What was opened for the login is closed. */
  async closed(login: string): Promise<void> {
    const { sallyport } = this;
    await until(`${login} is closed`, async () => await sallyport.leases() === 0, { timeoutMs: 15_000 });
    strictEqual(this.count("close_session", login), this.count("open_session", login));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of Deno.readTextFileSync(`${this.folder}/daemons`).split("\n").filter(Boolean)) {
      signal(Number(pid), "SIGKILL");
    }
    await this.sallyport[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Logins that end in PAM, and the sentence the person reads. */
const refused: [login: string, sentence: RegExp][] = [
  ...["abort", "exit", "segv", "scribble", "closeall"].flatMap((deed) =>
    ["acct", "open"].map((step): [string, RegExp] => [`${deed}-${step}`, died])
  ),
];
const hanging = ["hang-acct", "hang-open"];
const harmless = ["mega", "chatter", "daemon", "signals", "chdir", "closestd"];
const served = harmless.flatMap((deed) => [`${deed}-acct`, `${deed}-open`]);

Deno.test("a module that wrecks its process costs its own login, in one sentence, and nobody else's", async (t) => {
  await using misbehaving = await Misbehaving.start();
  const { sallyport } = misbehaving;
  for (const [login, sentence] of refused) {
    await t.step(login, async () => {
      match(await misbehaving.beside(() => sallyport.refusal(login)), sentence);
      await misbehaving.closed(login);
    });
  }
  await t.step(hanging.join(" and "), async () => {
    const all = () => Promise.all(hanging.map((login) => sallyport.refusal(login)));
    for (const said of await misbehaving.beside(all)) match(said, /took too long/);
    for (const login of hanging) await misbehaving.closed(login);
  });
  // The stack has no auth lines: its janitors have no credentials to delete, and nobody is to be alarmed.
  match(sallyport.logs(), /"level":"debug","service":"janitor","message":"Cannot delete the credentials of/);
  for (const login of served) {
    await t.step(login, async () => {
      const run = () => sallyport.ssh(login, "pwd; read -r line; echo $line; exit 3", { stdin: "in\n" });
      const { code, stdout, stderr } = await misbehaving.beside(run);
      deepStrictEqual({ code, stdout, stderr }, { code: 3, stdout: "/\nin\n", stderr: "" });
      const terminal = await sallyport.ssh(login, "tty; exit 4", { options: ["-tt"] });
      match(terminal.stdout, /\/dev\/pts\/\d+\r\n/);
      strictEqual(terminal.code, 4, terminal.stderr);
      await misbehaving.closed(login);
      strictEqual(misbehaving.count("open_session", login), 2);
    });
  }
});

Deno.test("a module that wrecks the closing costs its own lease's closing, and nobody else's", async (t) => {
  await using misbehaving = await Misbehaving.start();
  const { sallyport } = misbehaving;
  for (const deed of [...harmless, "scribble", "closeall"]) {
    const login = `${deed}-close`;
    await t.step(login, async () => {
      strictEqual((await misbehaving.beside(() => sallyport.ssh(login, "exit 3"))).code, 3);
      await misbehaving.closed(login);
    });
  }
  const given: string[] = [];
  for (const deed of ["abort", "exit", "segv", "hang"]) {
    const login = `${deed}-close`;
    await t.step(login, async () => {
      strictEqual((await misbehaving.beside(() => sallyport.ssh(login, "exit 3"))).code, 3);
      await misbehaving.beside(async () => {
        // Once by the worker, once by its janitor, and the entry stays for another attempt.
        await until(
          "a janitor has met the module too",
          () => misbehaving.count("close_session", login) === 2,
        );
        given.push(login);
        const failures = () => sallyport.logs().match(/The janitor of lease \w+ has failed/g)?.length ?? 0;
        await until("the janitor has failed", () => failures() >= given.length);
      });
      strictEqual(misbehaving.count("open_session", login), 1);
    });
  }
  await t.step("a monitor that starts tries them again", async () => {
    const before = given.map((login) => misbehaving.count("close_session", login));
    signal(sallyport.process("monitor").pid, "SIGKILL");
    const isServed = async () => (await sallyport.ssh("bystander", "exit 7")).code === 7;
    await until("another login is served", isServed, { timeoutMs: 20_000 });
    const again = () =>
      given.every((login, index) => misbehaving.count("close_session", login) > before[index]!);
    await until("each was tried again", again);
    const janitors = () =>
      allProcesses().filter(({ argv, state }) => argv.includes("--janitor") && state !== "Z");
    await until("the janitors have ended", () => janitors().length === 0);
  });
  strictEqual(await sallyport.leases(), given.length);
  const ours = new Set(sallyport.processes("worker").map(({ pid }) => pid));
  for (const { pid } of await sallyport.journals()) {
    ok(!ours.has(pid) && !isAlive(pid), `worker ${pid} lives`);
  }
});
