/** What roles allow, deny and limit, and what a host keeps to itself, as people meet it. */

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { makeModule } from "../support/modules.ts";
import { connectClient, startOn } from "../support/client.ts";
import { newLogin } from "../support/logins.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { creatingStack, writeStack } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

type Roles = Record<string, Record<string, unknown>>;

function start(roles: Roles, host: Record<string, unknown> = {}): Promise<Sallyport> {
  return startSallyport({ config: { roles, host: { labels: { env: "prod" }, ...host } } });
}

/** An ssh that is ended from the other side: when, and what it read. */
async function endOf(client: Deno.ChildProcess): Promise<{ code: number; said: string; tookMs: number }> {
  const startedAt = performance.now();
  await client.stdout.cancel();
  const said = await new Response(client.stderr).text();
  const { code } = await client.status;
  await client.stdin.close().catch(() => {});
  return { code, said, tookMs: performance.now() - startedAt };
}

const informative = ["-o", "LogLevel=INFO"];

Deno.test("labels, addresses and deny decide who gets in", async (t) => {
  const login = newLogin();
  await using sallyport = await start({ all: { logins: [login] } });
  const file = `${sallyport.state}/sallyport.yaml`;
  const config = JSON.parse(await Deno.readTextFile(file));
  let told = 0;
  const withRole = async (all: Record<string, unknown>) => {
    await Deno.writeTextFile(file, JSON.stringify({ ...config, roles: { all } }));
    Deno.kill(sallyport.process("gateway").pid, "SIGHUP");
    told++;
    await until("the gateway has read it", () => sallyport.logs().split("were read again").length > told);
  };
  const cases: [what: string, role: Record<string, unknown>, isLetIn: boolean][] = [
    ["a host with the label", { logins: [login], host_labels: { env: ["test", "prod"] } }, true],
    ["a host with another", { logins: [login], host_labels: { env: "test" } }, false],
    ["a client of the network", { logins: [login], source_addresses: ["127.0.0.0/8"] }, true],
    ["a client of another", { logins: [login], source_addresses: ["192.0.2.0/24"] }, false],
    ["a login that is denied", { logins: ["*"], deny: { logins: [login] } }, false],
    ["a host that is denied", { logins: ["*"], deny: { host_labels: { env: "prod" } } }, false],
  ];
  for (const [what, role, isLetIn] of cases) {
    await t.step(what, async () => {
      await withRole(role);
      if (isLetIn) strictEqual((await sallyport.ssh(login, "exit 7")).code, 7);
      else match(await sallyport.refusal(login), /Permission denied \(publickey\)/);
      const { stdout } = await sallyport.ssh("+hosts", "json");
      const isListed = stdout.includes('"local"');
      // Somebody who may have other logins reaches the host all the same.
      if (role.deny === undefined || !("logins" in (role.deny as object))) {
        strictEqual(isListed, isLetIn, stdout);
      }
    });
  }
  await t.step("a mistake in a role names its line, and the roles before stay in force", async () => {
    await withRole({ logins: [login] });
    await Deno.writeTextFile(
      file,
      JSON.stringify(
        { ...config, roles: { all: { logins: ["*"], source_addresses: ["1.2.3.4/33"] } } },
        null,
        1,
      ),
    );
    Deno.kill(sallyport.process("gateway").pid, "SIGHUP");
    await until(
      "it is told",
      () => /roles\.all\.source_addresses\[0\] must be a network/.test(sallyport.logs()),
    );
    strictEqual((await sallyport.ssh(login, "exit 7")).code, 7);
  });
});

Deno.test("a login ends after client_idle_timeout without a byte, and not before", async () => {
  await using sallyport = await start({ all: { logins: ["*"], client_idle_timeout: 2 } });
  const login = newLogin();
  const busy = sallyport.ssh(login, "for i in 1 2 3 4 5 6; do echo $i; sleep 0.6; done");
  const idle = await endOf(sallyport.spawn(login, "sleep 100", informative));
  strictEqual(idle.code, 255);
  match(idle.said, /Nothing was sent for as long as your roles allow/);
  ok(idle.tookMs > 1_900, `${idle.tookMs} ms`);
  deepStrictEqual([(await busy).code, (await busy).stdout], [0, "1\n2\n3\n4\n5\n6\n"]);
  await until("PAM is closed", async () => await sallyport.leases() === 0);
});

Deno.test("a login ends after max_session_ttl, busy or not", async () => {
  await using sallyport = await start({ all: { logins: ["*"], max_session_ttl: 2 } });
  const { code, said, tookMs } = await endOf(
    sallyport.spawn(newLogin(), "while echo x; do sleep 0.1; done", informative),
  );
  strictEqual(code, 255);
  match(said, /lasted as long as your roles allow/);
  ok(tookMs > 1_900, `${tookMs} ms`);
  await until("PAM is closed", async () => await sallyport.leases() === 0);
});

Deno.test("max_sessions limits the sessions of one connection", async () => {
  await using sallyport = await start({ all: { logins: ["*"], max_sessions: 1 } });
  using client = await connectClient(sallyport, newLogin());
  const first = await startOn(client, "read x");
  await rejects(startOn(client, "true"), /Too many sessions on this connection/);
  first.end();
});

Deno.test("the host has the last word: what it denies no gateway can give, also after PAM has changed the login", async () => {
  const [open, closed, other] = [newLogin(), newLogin(), newLogin()];
  await using sallyport = await start(
    { all: { logins: ["*", "root"] } },
    { allow_logins: [open, closed], deny_logins: ["r*", closed] },
  );
  strictEqual((await sallyport.ssh(open, "exit 7")).code, 7);
  for (const login of ["root", closed, other]) {
    match(await sallyport.refusal(login), /This host lets nobody log in by this name/);
  }
  await until("the operator is told", () => sallyport.logs().includes(`keep '${other}' out`));
  const { state } = sallyport;
  const file = `${state}/sallyport.yaml`;
  const config = JSON.parse(await Deno.readTextFile(file));
  const reload = async (changes: Record<string, unknown>, said: RegExp) => {
    await Deno.writeTextFile(file, JSON.stringify({ ...config, host: { ...config.host, ...changes } }));
    const before = sallyport.logs().length;
    Deno.kill(sallyport.process("monitor").pid, "SIGHUP");
    await until("the host has read it", () => said.test(sallyport.logs().slice(before)));
  };
  // A session that is open stays so.
  const talk = sallyport.spawn(open, "echo up; read x; exit 5");
  const output = talk.stdout.getReader();
  await output.read();
  await reload({ allow_logins: [other], deny_logins: [] }, /deny_logins were read again/);
  strictEqual((await sallyport.ssh(other, "exit 7")).code, 7);
  match(await sallyport.refusal(open), /This host lets nobody log in by this name/);
  await reload({ allow_logins: "" }, /host\.allow_logins must be[^]*old one stays in force/);
  strictEqual((await sallyport.ssh(other, "exit 7")).code, 7);
  await talk.stdin.close();
  strictEqual((await talk.status).code, 5);
  await output.cancel();
  await talk.stderr.cancel();
  await reload({ allow_logins: [open, "root"], deny_logins: ["r*"] }, /deny_logins were read again/);
  const rename = await makeModule(
    state,
    "pam_rename",
    "int pam_sm_acct_mgmt(pam_handle_t *h, int f, int c, const char **v) " +
      '{ pam_set_item(h, PAM_USER, "root"); return PAM_SUCCESS; }\n',
  );
  await writeStack(state, await creatingStack(state, [`account required ${rename}`]));
  match(await sallyport.refusal(open), /This host lets nobody log in by this name/);
});
