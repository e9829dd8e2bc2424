import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { startFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";
import { sshArguments } from "../support/ssh.ts";

Deno.test("three hosts with accounts of their own are reached through both gateways, by ssh and by scp", async () => {
  await using fleet = await startFleet();
  const login = newLogin();
  const uids = fleet.hosts.map((_, index) => 3_000 + 1_000 * index);
  for (const [index, host] of fleet.hosts.entries()) {
    await host.machine.run("useradd", "-m", "-s", "/bin/bash", "-u", String(uids[index]), login);
  }
  const found: string[] = [];
  for (const gateway of fleet.gateways) {
    for (const host of fleet.hosts) {
      const { stdout, stderr } = await fleet.ssh(`${login}+${host.name}`, "hostname; id -u; id -un; pwd", {
        gateway,
      });
      strictEqual(stderr, "");
      found.push(stdout);
    }
  }
  const expected = fleet.hosts.map((host, index) =>
    `${host.name}\n${uids[index]}\n${login}\n/home/${login}\n`
  );
  deepStrictEqual(found, [...expected, ...expected]);

  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const source = `${fleet.fleet.folder}/source`;
  await Deno.writeFile(source, bytes);
  for (const [index, gateway] of fleet.gateways.entries()) {
    for (const host of fleet.hosts) {
      const [, ...options] = sshArguments(fleet.target(gateway), `${login}+${host.name}`, [], []);
      // scp takes ssh's options, but for the port's letter and the destination.
      const shared = options.slice(0, -3).map((option) => option === "-p" ? "-P" : option);
      const there = `${login}+${host.name}@${gateway.address}:copy${index}`;
      const { code, stderr } = await run(["scp", ...shared, source, there]);
      deepStrictEqual([code, stderr], [0, ""]);
      const file = fleet.path(host, `/home/${login}/copy${index}`);
      deepStrictEqual(await Deno.readFile(file), bytes);
      strictEqual((await Deno.stat(file)).uid, uids[fleet.hosts.indexOf(host)]);
      const back = `${fleet.fleet.folder}/back`;
      strictEqual((await run(["scp", ...shared, there, back])).code, 0);
      deepStrictEqual(await Deno.readFile(back), bytes);
    }
  }
});
