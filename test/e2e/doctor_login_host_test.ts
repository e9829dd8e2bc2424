/** `doctor --login --host`: the dry run happens on the host that is named, over the bus, beside the gateway. */

import { match, rejects, strictEqual } from "node:assert/strict";
import { doctor, gatewayOnly } from "../support/doctor.ts";
import { makeAccount, newLogin, uidOf } from "../support/logins.ts";
import { makeModule } from "../support/modules.ts";
import { startSallyport } from "../support/sallyport.ts";
import { creatingStack, writeScript, writeStack } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

Deno.test("doctor --login --host tries a login on another host and leaves open sessions alone", async (t) => {
  await using sallyport = await startSallyport();
  const { state } = sallyport;
  const stack = `${state}/pam.d/test`;
  const config = await gatewayOnly(state);
  const there = (login: string, ...args: string[]) =>
    doctor(state, "--config", config, "--host", "local", "--login", login, ...args);

  const resident = newLogin();
  const session = sallyport.spawn(resident, "echo here; read word; echo got $word");
  const output = session.stdout.getReader();
  strictEqual(new TextDecoder().decode((await output.read()).value), "here\n");

  // Whether a host beats is known after a while only.
  const nobody = rejects(
    doctor(state, "--config", config, "--host", "nowhere", "--login", newLogin()),
    /ended with 111 and said: nowhere: The host does not answer/,
  );

  await t.step("a login that would be let in, whose session is closed again", async () => {
    const login = newLogin();
    const log = `${state}/session.log`;
    const script = await writeScript(state, "session", `#!/bin/sh\necho "$PAM_TYPE" >> ${log}\n`);
    await writeStack(state, await creatingStack(state, [`session required pam_exec.so ${script}`]));
    const { code, text } = await there(login, "--session", "--from", "192.0.2.7");
    strictEqual(code, 0, text);
    strictEqual(await Deno.readTextFile(log), "open_session\nclose_session\n");
    match(text, new RegExp(`^${login} logs in as tester \\(roles all\\) from 192\\.0\\.2\\.7\\.$`, "m"));
    match(text, new RegExp(`pam_unix\\.so +PAM_SUCCESS \\(ok\\) +${stack}:2$`, "m"));
    match(text, new RegExp(`^${login} is uid ${await uidOf(login)}, `, "m"));
  });

  await t.step("one that a module of the session refuses", async () => {
    await writeStack(state, await creatingStack(state, ["session required pam_deny.so"]));
    const { code, text } = await there(newLogin(), "--session");
    strictEqual(code, 1);
    match(text, /pam_deny\.so +PAM_SESSION_ERR \(bad\)/);
    match(text, /would be refused, and read: The host could not open a PAM session/);
  });

  await t.step("one that takes the worker with it", async () => {
    const login = newLogin();
    await makeAccount(login);
    const abort = await makeModule(
      state,
      "pam_abort",
      "int pam_sm_acct_mgmt(pam_handle_t *h, int f, int c, const char **v) { abort(); return 0; }\n",
    );
    await writeStack(state, `account required ${abort}\nsession required pam_permit.so\n`);
    const { code, text } = await there(login);
    strictEqual(code, 1);
    match(text, /session process ended unexpectedly.*, while it ran \S*pam_abort\.so \(/);
  });

  await t.step("a host that is not there", () => nobody);

  const writer = session.stdin.getWriter();
  await writer.write(new TextEncoder().encode("this\n"));
  strictEqual(new TextDecoder().decode((await output.read()).value), "got this\n");
  await writer.close();
  await output.cancel();
  await session.stderr.cancel();
  strictEqual((await session.status).code, 0);
  await until("no lease is left", async () => await sallyport.leases() === 0);
});
