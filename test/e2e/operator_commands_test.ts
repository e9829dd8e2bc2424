/** `ssh +hosts@gateway` and `+sessions`: the gateway answers by itself; `sallyport hosts` and `sessions` ask it so. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

const main = new URL("../../services/main.ts", import.meta.url).pathname;

Deno.test("the gateway answers +hosts and +sessions without a lease, an account or PAM", async (t) => {
  await using sallyport = await startSallyport({
    config: {
      host: {
        detach: "10m",
        labels: { env: "prod" },
        label_commands: { kernel: { command: ["/usr/bin/uname", "-r"] } },
      },
    },
  });
  const kernel = Deno.osRelease();
  const trusting = ["StrictHostKeyChecking=no", `UserKnownHostsFile=${sallyport.state}/hosts`];
  const cli = (...words: string[]) =>
    run([Deno.execPath(), "run", "-A", main, ...words, "--state", sallyport.state, "-o", ...trusting]);

  await t.step("a host's labels come from its configuration and from its commands", async () => {
    const line = async () => JSON.parse((await sallyport.ssh("+hosts", "json")).stdout);
    await until("the command's label", async () => (await line()).labels.kernel !== undefined);
    deepStrictEqual((await line()).labels, { env: "prod", kernel });
    strictEqual((await sallyport.ssh(`${newLogin()}+kernel=${kernel}`, "exit 7")).code, 7);
  });

  await t.step("^C ends a list that is watched on a terminal", async () => {
    await using terminal = await sallyport.terminal("+hosts", { command: "watch" });
    await terminal.sees(/^local +up .*kernel=/m);
    await terminal.press("C-c");
    strictEqual(await terminal.exitCode(), 0);
  });

  await t.step("+sessions lists one's own, with the words that take them up", async () => {
    match((await sallyport.ssh("+sessions", "")).stdout, /no sessions on terminals/);
    const login = newLogin();
    await using lost = await sallyport.terminal(login);
    await lost.sees(/\$ $/m);
    const sessions = async () => (await sallyport.ssh("+sessions", "")).stdout;
    match(await sessions(), new RegExp(`^${login}\\+local\\+attach=\\d+ +attached +127`, "m"));
    signal(await lost.pid(), "SIGKILL");
    await until("it is detached", async () => / detached /.test(await sessions()));
    const [name] = new RegExp(`^${login}\\+local\\+attach=\\d+`, "m").exec(await sessions())!;
    await using again = await sallyport.terminal(name);
    await again.enter("exit 5");
    strictEqual(await again.exitCode(), 5);
    match(await sessions(), /no sessions on terminals/);
  });

  await t.step("what else ssh may ask for is refused, and nobody opens a lease", async () => {
    const forward = await sallyport.ssh("+hosts", "", { options: ["-W", "127.0.0.1:22"] });
    strictEqual(forward.code, 255);
    const copy = await sallyport.ssh("+hosts", "sftp", { options: ["-s"] });
    strictEqual(copy.code, 255);
    strictEqual(await sallyport.leases(), 0);
    strictEqual(/"login":"\+/.test(sallyport.logs()), false);
  });

  await t.step("sallyport hosts and sessions are clients of it", async () => {
    const hosts = await cli("hosts");
    match(hosts.stdout, /^HOST .*\nlocal +up /);
    strictEqual(hosts.code, 0);
    const sessions = await cli("sessions", "--json");
    deepStrictEqual([sessions.code, sessions.stdout], [0, ""]);
    const wrong = await cli("hosts", "me@gate");
    deepStrictEqual([wrong.code, /write its name/.test(wrong.stderr)], [100, true]);
  });
});

Deno.test("a key alone lists nothing where PAM must prove everybody as well", async () => {
  await using sallyport = await startSallyport({
    config: { gateway: { AuthenticationMethods: ["publickey,keyboard-interactive"] } },
  });
  match(await sallyport.refusal("+hosts"), /Permission denied/);
});
