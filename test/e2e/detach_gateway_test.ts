import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Party, Sections } from "../../examples/fleet/configuration.ts";
import { type Member, startFleet, type TestFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";
import { sshArguments } from "../support/ssh.ts";
import { Terminal } from "../support/terminal.ts";
import { until } from "../support/wait.ts";

/** Sections for hosts that keep sessions, and for everybody. */
function detaching(shared: Sections = {}): (party: Party) => Sections {
  return ({ kind }) => ({ ...shared, ...(kind === "host" && { host: { detach: "10m" } }) });
}

function terminalAt(fleet: TestFleet, login: string, gateway: Member): Promise<Terminal> {
  const options = ["-t", "-o", "LogLevel=INFO"];
  return Terminal.start(sshArguments(fleet.target(gateway), login, options, []));
}

/** Edits a file, and waits until the screen says so. */
async function editAt(terminal: Terminal): Promise<string> {
  await terminal.sees(/\$ $/m);
  await terminal.enter("clear; vim.tiny -u NONE -N note");
  await terminal.sees(/^~\s*$/m);
  await terminal.type("ihello from vim");
  await terminal.sees(/^hello from vim\s[^]*^-- INSERT --/m);
  return await terminal.visible();
}

async function saveAt(terminal: Terminal): Promise<void> {
  await terminal.press("Escape");
  await terminal.enter(":wq");
  await terminal.sees(/\$ $/m);
  await terminal.enter("echo file: $(cat note)");
  await terminal.sees(/^file: hello from vim$/m);
}

Deno.test("sessions whose gateway was killed are taken up through another one, at once or when the host knows", async () => {
  const config = detaching();
  await using fleet = await startFleet({ hosts: 1, gateways: 2, config });
  const [host, first, second] = [fleet.hosts[0]!, fleet.gateways[0]!, fleet.gateways[1]!];
  const [hasty, patient] = [newLogin(), newLogin()];
  for (const login of [hasty, patient]) await host.machine.run("useradd", "-m", "-s", "/bin/bash", login);
  await using hastyBefore = await terminalAt(fleet, `${hasty}+${host.name}`, first);
  await using patientBefore = await terminalAt(fleet, `${patient}+${host.name}`, first);
  const screen = await editAt(hastyBefore);
  strictEqual(await editAt(patientBefore), screen);
  await fleet.kill(first, "gateway");

  await using hastyAfter = await terminalAt(fleet, `${hasty}+${host.name}+attach`, second);
  await until("the screen is the same", async () => await hastyAfter.visible() === screen);
  await until("the host misses the gateway", () => /gateway-1 is lost/.test(host.logs()), {
    timeoutMs: 30_000,
  });
  await using patientAfter = await terminalAt(fleet, `${patient}+${host.name}+attach`, second);
  await until("the screen is the same", async () => await patientAfter.visible() === screen);
  for (const terminal of [hastyAfter, patientAfter]) {
    await saveAt(terminal);
    await terminal.enter("exit");
    strictEqual(await terminal.exitCode(), 0);
  }
  for (const login of [hasty, patient]) {
    await until("PAM is closed", () => fleet.sessions(host, login).closed === 1);
    deepStrictEqual(fleet.sessions(host, login), { opened: 1, closed: 1 });
  }
  strictEqual(fleet.leases(host), 0);
});

Deno.test("a session of a host that was cut off beyond bus.session_timeout is taken up when it is back", async () => {
  const config = detaching({ bus: { session_timeout: 3 } });
  await using fleet = await startFleet({ hosts: 1, gateways: 1, config });
  const [host, gateway] = [fleet.hosts[0]!, fleet.gateways[0]!];
  const login = newLogin();
  await host.machine.run("useradd", "-m", "-s", "/bin/bash", login);
  await using before = await terminalAt(fleet, `${login}+${host.name}`, gateway);
  const screen = await editAt(before);
  await fleet.partition(host);
  await before.type("x");
  await until("the host gives the gateway up", () => host.logs().includes('"Detached"'), {
    timeoutMs: 40_000,
  });
  strictEqual(await before.exitCode({ timeoutMs: 40_000 }), 255);
  await fleet.heal(host);
  await until("new logins work", async () => (await fleet.ssh(`${login}+${host.name}`, "true")).code === 0, {
    timeoutMs: 40_000,
  });
  await using after = await terminalAt(fleet, `${login}+${host.name}+attach`, gateway);
  await until("the screen is the same", async () => await after.visible() === screen);
  await saveAt(after);
});
