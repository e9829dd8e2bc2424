/** What the operator reads in the log of a host that starts, is told to read its configuration again, and stops. */

import assert from "node:assert/strict";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { signal } from "../support/processes.ts";
import { until } from "../support/wait.ts";

interface Line {
  level: string;
  service: string;
  message: string;
}

function lines(sallyport: Sallyport): Line[] {
  return sallyport.logs().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

/** The one line with this message, once it is there. */
async function told(sallyport: Sallyport, message: RegExp): Promise<Line> {
  await until(`${message} is told`, () => lines(sallyport).some((line) => message.test(line.message)));
  const found = lines(sallyport).filter((line) => message.test(line.message));
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0]!;
}

Deno.test("what would keep people out is a warning at start, a reload says what it leaves alone, and a stop is no warning", async (t) => {
  const sallyport = await startSallyport({
    stack: "account required pam_permit.so\nsession required pam_permit.so\n",
    config: {
      ssh_service: { pam: { enabled: "yes", service_name: "test", use_pam_auth: "yes" } },
      host: { accounts: { mode: "keep", ledger: "accounts.json", sudoers: ["ALL=(ALL ALL"] } },
    },
  });
  await using _stopped = sallyport;
  const config = `${sallyport.state}/sallyport.yaml`;
  const change = (edit: (config: Record<string, Record<string, unknown>>) => void) => {
    const value = JSON.parse(Deno.readTextFileSync(config));
    edit(value);
    Deno.writeTextFileSync(config, JSON.stringify(value, null, 2));
  };
  const reload = () => signal(sallyport.process("gateway").pid, "SIGHUP");

  await t.step("use_pam_auth with a stack that has no auth line", async () => {
    const { level, message } = await told(sallyport, /There is no auth line/);
    assert.equal(level, "warning");
    assert.match(message, /pam\.d\/test:1: .*; add a line such as: auth required pam_unix\.so; or set/);
  });

  await t.step("rules that sudo does not understand", async () => {
    const { level, message } = await told(sallyport, /host\.accounts\.sudoers/);
    assert.equal(level, "warning");
    assert.match(message, /sallyport\.yaml:\d+:\d+: host\.accounts\.sudoers\[0\] .*\(syntax error\)/);
  });

  await t.step("keys that a reload does not change", async () => {
    change((config) => {
      config.gateway!.MaxSessions = 3;
      config.host!.max_leases = 7;
      config.roles!.more = { logins: ["x"] };
    });
    reload();
    await told(sallyport, /^Users, roles and pam_logins were read again$/);
    const { level, message } = await told(sallyport, /after a restart/);
    assert.equal(level, "warning");
    assert.match(message, /: gateway\.MaxSessions, host\.max_leases$/);
  });

  await t.step("a reload that fails gives its reason once", async () => {
    change((config) => config.gateway!.MaxSesions = 3);
    reload();
    await told(sallyport, /^The configuration was not read again; the old one stays in force$/);
    const said = sallyport.logs().split("gateway.MaxSesions is not a key").length - 1;
    assert.equal(said, 1);
  });

  await t.step("a stop that was asked for", async () => {
    const dispatcher = sallyport.process("dispatcher").pid;
    await sallyport.stop();
    const last = lines(sallyport).filter(({ service, level }) =>
      ["monitor", "dispatcher"].includes(service) && level !== "debug"
    );
    assert.ok(last.some(({ message }) => message === "Stopping"), JSON.stringify(last));
    assert.ok(last.some(({ message }) => message.startsWith("The monitor stops")), String(dispatcher));
    assert.deepEqual(last.filter(({ message }) => /is gone/.test(message)), []);
  });
});

Deno.test("a monitor that was not asked to stop is missed, and a damaged ledger is one line", async () => {
  const sallyport = await startSallyport({
    config: { host: { accounts: { mode: "keep", ledger: "accounts.json" } } },
  });
  await using _stopped = sallyport;
  Deno.writeTextFileSync(`${sallyport.state}/accounts.json`, "{", { mode: 0o600 });
  signal(sallyport.process("monitor").pid, "SIGKILL");
  assert.equal((await told(sallyport, /^The monitor is gone$/)).level, "warning");
  // The next monitor has the accounts swept.
  const { level, service } = await told(sallyport, /^Cannot sweep the accounts$/);
  assert.deepEqual([level, service], ["error", "accounts"]);
  assert.match(sallyport.logs(), /The ledger of accounts \S+ is damaged; restore it/);
  assert.doesNotMatch(sallyport.logs(), /^error: Uncaught|^ {4}at /m);
  await until("there is a dispatcher again", () => sallyport.processes("dispatcher").length === 1);
});
