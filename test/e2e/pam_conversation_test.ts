/** Everything a PAM conversation can be, put to a person at a real terminal and to one who answers by program. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { makeAccount, newLogin } from "../support/logins.ts";
import { makeModule } from "../support/modules.ts";
import { person } from "../support/person.ts";
import { isAlive } from "../support/processes.ts";
import { pamAsks, type Sallyport, startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

/** Two rounds of questions with texts between them; what came in answer is told to the session as QUIZ. */
const quiz = `
static int put(pam_handle_t *pamh, const char *prefix, char *answer, int out, char *text, unsigned long size) {
  return snprintf(text + out, size - out, "%s%lu:%.8s", prefix, answer ? strlen(answer) : 0, answer ? answer : "");
}
static char *text_of(struct pam_response *responses, int index) { return responses ? responses[index].resp : 0; }
int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) {
  const struct pam_conv *conv;
  const struct pam_message welcome = {PAM_TEXT_INFO, "Welcome to the quiz"}, name = {PAM_PROMPT_ECHO_ON, "Name: "},
    careful = {PAM_ERROR_MSG, "Careful now"}, secret = {PAM_PROMPT_ECHO_OFF, "Secret: "},
    halfway = {PAM_TEXT_INFO, "Halfway"}, again = {PAM_PROMPT_ECHO_OFF, "Once more: "};
  const struct pam_message *first[] = {&welcome, &name, &careful, &secret}, *second[] = {&halfway}, *third[] = {&again};
  struct pam_response *one = 0, *two = 0, *three = 0;
  char text[256];
  int length = 0, code;
  pam_get_item(pamh, PAM_CONV, (const void **) &conv);
  if ((code = conv->conv(4, first, &one, conv->appdata_ptr)) != PAM_SUCCESS) return code;
  if (text_of(one, 0) || text_of(one, 2)) return PAM_SYSTEM_ERR;
  if ((code = conv->conv(1, second, &two, conv->appdata_ptr)) != PAM_SUCCESS) return code;
  if ((code = conv->conv(1, third, &three, conv->appdata_ptr)) != PAM_SUCCESS) return code;
  length = put(pamh, "QUIZ=", text_of(one, 1), 0, text, sizeof text);
  length += put(pamh, ",", text_of(one, 3), length, text, sizeof text);
  put(pamh, ",", text_of(three, 0), length, text, sizeof text);
  pam_putenv(pamh, text);
  memset(text_of(one, 3), 0, strlen(text_of(one, 3)));
  return PAM_SUCCESS;
}
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) { return PAM_SUCCESS; }
`;

/** Asks when the session opens: sshd's conversation is over by then. */
const late = `
int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv) {
  const struct pam_conv *conv;
  const struct pam_message terms = {PAM_PROMPT_ECHO_ON, "Accept the terms? "}, *messages[] = {&terms};
  struct pam_response *responses = 0;
  pam_get_item(pamh, PAM_CONV, (const void **) &conv);
  if (conv->conv(1, messages, &responses, conv->appdata_ptr) != PAM_SUCCESS || !responses) return PAM_PERM_DENIED;
  return strcmp(responses[0].resp, "yes") == 0 ? PAM_SUCCESS : PAM_PERM_DENIED;
}
int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv) { return PAM_SUCCESS; }
`;

/** Options of an ssh that asks its person. */
const byKeyboard = [
  "BatchMode=no",
  "PreferredAuthentications=keyboard-interactive",
  "PubkeyAuthentication=no",
  "LogLevel=INFO",
]
  .flatMap((option) => ["-o", option]);

async function start(): Promise<Sallyport> {
  const folder = await Deno.makeTempDir({ prefix: "modules-" });
  const stack = [
    `auth required ${await makeModule(folder, "pam_quiz", quiz)}`,
    "account required pam_permit.so",
    "session optional pam_echo.so Hello from the session",
    `session required ${await makeModule(folder, "pam_late", late)}`,
    "session required pam_exec.so quiet /bin/sleep 0.5",
  ].join("\n");
  return await startSallyport({
    stack: `${stack}\n`,
    config: { ...pamAsks, host: { LoginGraceTime: 5 } },
  });
}

Deno.test("a conversation of many shapes", async (test) => {
  await using sallyport = await start();
  const login = newLogin();
  await makeAccount(login);

  await test.step("several questions, several rounds, with texts between them, up to PAM_MAX_RESP_SIZE", async () => {
    for (const secret of ["s3cret", "x".repeat(512), "", "schöner Schlüssel"]) {
      const somebody = await person("keyboard-interactive", ["Ada", secret, "42", "yes"]);
      const { code, stdout, stderr } = await sallyport.ssh(login, "echo $QUIZ", somebody.options);
      const bytes = new TextEncoder().encode(secret);
      const shown = new TextDecoder().decode(bytes.subarray(0, 8));
      assert.deepEqual([code, stdout], [0, `3:Ada,${bytes.length}:${shown},2:42\n`], stderr);
      const asked = somebody.asked().map((line) => line.replace(/^\(.*\) /, ""));
      assert.deepEqual(asked, ["Name:", "Secret:", "Once more:", "Accept the terms?"]);
      assert.match(stderr, /Welcome to the quiz\s+Careful now\s+Halfway/);
    }
  });

  await test.step("an answer PAM cannot take ends the attempt", async () => {
    const somebody = await person("keyboard-interactive", ["Ada", "x".repeat(513), "42", "yes"]);
    const { code, stderr } = await sallyport.ssh(login, "true", somebody.options);
    assert.equal(code, 255, stderr);
    assert.match(sallyport.logs(), /of 512 bytes at most/);
  });

  await test.step("a no at the last question refuses, and nothing is open", async () => {
    const somebody = await person("keyboard-interactive", ["Ada", "s3cret", "42", "no"]);
    const { code, stderr } = await sallyport.ssh(login, "true", somebody.options);
    assert.equal(code, 255);
    assert.match(stderr, /could not open a PAM session/);
    assert.equal(await sallyport.leases(), 0);
  });

  await test.step("at a terminal secrets are not shown, and what is typed ahead reaches the shell", async () => {
    await using terminal = await sallyport.terminal(login, { options: byKeyboard });
    await terminal.sees(/Name:/);
    await terminal.enter("Ada");
    await terminal.sees(/Careful now|Secret:/);
    await terminal.sees(/Secret:/);
    await terminal.enter("hidden-s3cret");
    await terminal.sees(/Once more:/);
    await terminal.enter("hidden-42");
    await terminal.sees(/Accept the terms\?/);
    await terminal.enter("yes");
    // The session still opens (sleep): ssh has nobody to give it to yet.
    await terminal.enter("echo typed $((40 + 2)) ahead");
    await terminal.sees(/^typed 42 ahead/m);
    const screen = await terminal.screen();
    assert.match(screen, /Name: Ada/);
    assert.doesNotMatch(screen, /hidden-/);
    assert.equal(
      screen.split("Hello from the session").length,
      2,
      "session texts come on the terminal, once",
    );
    await terminal.enter("exit 7");
    assert.equal(await terminal.exitCode(), 7);
  });

  await test.step("whoever leaves at a question leaves nothing", async () => {
    const terminal = await sallyport.terminal(login, { options: byKeyboard });
    const before = sallyport.processes("worker").map(({ pid }) => pid);
    await terminal.sees(/Name:/);
    await terminal[Symbol.asyncDispose]();
    await until("the lease's worker is gone", () => before.some((pid) => !isAlive(pid)));
    await until("no lease is left", async () => await sallyport.leases() === 0);
  });

  await test.step("whoever never answers is turned out", async () => {
    await using terminal = await sallyport.terminal(login, { options: byKeyboard });
    await terminal.sees(/Name:/);
    await until("the host has had enough", () => /The login has taken too long/.test(sallyport.logs()), {
      timeoutMs: 20_000,
    });
    // ssh listens to nobody while it waits for lines.
    await terminal.press("Enter");
    await terminal.sees(/Secret:/);
    await terminal.press("Enter");
    await terminal.sees(/The login took too long on the host/);
  });

  await test.step("no process that only passes answers on keeps one", async () => {
    const secret = `needle-${crypto.randomUUID()}`;
    const somebody = await person("keyboard-interactive", ["Ada", secret, "42", "yes"]);
    const { stdout } = await sallyport.ssh(login, "echo ${#QUIZ}", somebody.options);
    assert.notEqual(stdout, "");
    const needle = new TextEncoder().encode(secret);
    assert.equal(isInMemory(Deno.pid, needle), true, "the search finds what is there");
    for (const role of ["gateway", "dispatcher", "monitor", "broker"] as const) {
      assert.equal(isInMemory(sallyport.process(role).pid, needle), false, role);
    }
  });
});

/** Whether the writable memory of a process holds `needle` (proc_pid_mem(5)). */
function isInMemory(pid: number, needle: Uint8Array): boolean {
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  const piece = Buffer.alloc(4 * 1024 * 1024);
  for (const line of Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n")) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (!from || !to) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += piece.length - needle.length) {
      try {
        memory.seekSync(at, Deno.SeekMode.Start);
        const length = memory.readSync(piece.subarray(0, Math.min(piece.length, end - at))) ?? 0;
        if (piece.subarray(0, length).includes(needle)) return true;
      } catch {
        break; // A mapping the kernel does not let anybody read, such as [vvar].
      }
    }
  }
  return false;
}
