/** `doctor --login --host`: the dry run happens on the host that is named, over the bus, beside the gateway. */

import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { doctor, gatewayOnly } from "../support/doctor.ts";
import { Lines } from "../support/lines.ts";
import { newLogin, uidOf } from "../support/logins.ts";
import { makeModule } from "../support/modules.ts";
import { startSallyport } from "../support/sallyport.ts";
import { creatingStack, writeScript, writeStack } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

Deno.test("doctor --login --host tries logins on another host and leaves open sessions alone", async (t) => {
  await using sallyport = await startSallyport();
  const { state } = sallyport;
  const config = await gatewayOnly(state);
  const there = (host: string, login: string) =>
    doctor(state, "--config", config, "--host", host, "--login", login, "--session", "--from", "192.0.2.7");

  const session = sallyport.spawn(newLogin(), "echo here; read word; echo got $word");
  const output = new Lines(session.stdout);
  strictEqual(await output.next(), "here");

  const [guest, refused, fatal] = [newLogin(), newLogin(), newLogin()];
  const log = `${state}/session.log`;
  const script = await writeScript(state, "session", `#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >> ${log}\n`);
  const abort = await makeModule(
    state,
    "pam_abort",
    "int pam_sm_open_session(pam_handle_t *h, int f, int c, const char **v) { abort(); return 0; }\n" +
      "int pam_sm_close_session(pam_handle_t *h, int f, int c, const char **v) { return PAM_SUCCESS; }\n",
  );
  const only = (login: string) =>
    `session [success=ignore default=1] pam_succeed_if.so quiet user = ${login}`;
  await writeStack(
    state,
    await creatingStack(state, [
      ...[only(refused), "session required pam_deny.so"],
      `session required pam_exec.so ${script}`,
      ...[only(fatal), `session required ${abort}`],
    ]),
  );

  // Side by side: each has to wait for the host's next heartbeat.
  const trials = Promise.all([guest, refused, fatal].map((login) => there("local", login)));
  const nowhere = rejects(
    there("nowhere", newLogin()),
    /ended with 111 and said: nowhere: No host of this name.* Hosts heard: local\.\n/,
  );
  const [good, bad, broken] = await trials;

  await t.step("a login that would be let in", async () => {
    strictEqual(good!.code, 0, good!.text);
    match(
      good!.text,
      new RegExp(`^${guest} logs in as tester \\(roles all\\) from 192\\.0\\.2\\.7\\.$`, "m"),
    );
    match(good!.text, new RegExp(`pam_deny\\.so +not run +${state}/pam.d/test:6$`, "m"));
    match(good!.text, new RegExp(`^${guest} is uid ${await uidOf(guest)}, `, "m"));
    match(good!.text, new RegExp(`^${guest} would be let in\\.$`, "m"));
  });

  await t.step("one that a module refuses", () => {
    strictEqual(bad!.code, 1, bad!.text);
    match(bad!.text, /pam_deny\.so +PAM_SESSION_ERR \(bad\)/);
    match(bad!.text, /would be refused, and read: The host could not open a PAM session/);
  });

  await t.step("one that takes the worker with it", () => {
    strictEqual(broken!.code, 1, broken!.text);
    match(broken!.text, /session process ended unexpectedly.*, while it ran \S*pam_abort\.so \(/);
  });

  await t.step("on a host that is not there", () => nowhere);

  await t.step("all that was opened is closed, and the open session goes on", async () => {
    await until("no lease is left but one", async () => await sallyport.leases() === 1);
    const calls = (await Deno.readTextFile(log)).trim().split("\n").filter((line) => !line.includes(refused));
    const expected = [guest, fatal].flatMap((login) => [`open_session ${login}`, `close_session ${login}`]);
    deepStrictEqual(calls.sort(), expected.sort());
    const writer = session.stdin.getWriter();
    await writer.write(new TextEncoder().encode("this\n"));
    strictEqual(await output.next(), "got this");
    await writer.close();
    await output.cancel();
    await session.stderr.cancel();
    strictEqual((await session.status).code, 0);
  });
  deepStrictEqual(
    await Array.fromAsync(Deno.readDir(`${state}/run`), ({ name }) => name).then((names) =>
      names.filter((name) => name.startsWith("dry-run"))
    ),
    [],
  );
});
