/** `ssh -J gateway login@host`: one line in known_hosts is enough for every host behind every gateway. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { startFleet } from "../support/fleet.ts";
import type { Sections } from "../../examples/fleet/fleet.ts";
import { authorityLine } from "../../shared/trust/host_certificate.ts";
import { createFleetKey } from "../../shared/trust/identity.ts";
import { newLogin } from "../support/logins.ts";

Deno.test("ssh -J leads to each host, which proves itself by its certificate", async (t) => {
  // Where a bare login means no host, it can only be meant to jump.
  const config2: Sections = { gateway: { host: null } };
  await using fleet = await startFleet({ config: ({ name }) => name === "gateway-2" ? config2 : {} });
  const { folder, files } = fleet.fleet;
  const config = `${folder}/ssh_config`;
  await Deno.writeTextFile(
    config,
    [
      `Host *`,
      `  IdentityFile ${files.keyFile}`,
      `  IdentitiesOnly yes`,
      `  BatchMode yes`,
      `  UserKnownHostsFile ${files.authorityFile}`,
      `  GlobalKnownHostsFile none`,
      `  StrictHostKeyChecking yes`,
      ...fleet.gateways.flatMap(({ name, address }) => [
        `Host ${name}`,
        `  HostName ${address}`,
        `  HostKeyAlias ${name}`,
        `  Port 2222`,
      ]),
    ].join("\n"),
  );
  const jump = (gateway: string, destination: string, ...command: string[]) =>
    run(["ssh", "-F", config, "-J", `+jump@${gateway}`, destination, ...command]);

  await t.step("to each host through each gateway", async () => {
    for (const gateway of fleet.gateways) {
      for (const host of fleet.hosts) {
        const login = newLogin();
        const { code, stdout, stderr } = await jump(
          gateway.name,
          `${login}@${host.name}`,
          "hostname; id -un; exit 7",
        );
        deepStrictEqual([code, stdout, stderr], [7, `${host.name}\n${login}\n`, ""]);
      }
    }
  });

  await t.step("with one's own name for the gateway, where that means no host", async () => {
    const login = newLogin();
    const { code, stdout, stderr } = await run([
      ...["ssh", "-F", config, "-J", `${newLogin()}@gateway-2`, `${login}@host-1`, "id -un"],
    ]);
    deepStrictEqual([code, stdout, stderr], [0, `${login}\n`, ""]);
  });

  await t.step(
    "a gateway's files know nothing of hosts that came after it: those have brought their own",
    async () => {
      const lines = (await Deno.readTextFile(`${folder}/gateways/gateway-1/host_certificates`)).trim().split(
        "\n",
      );
      deepStrictEqual(lines.map((line) => line.split(" ").slice(2)), [["gateway-1", "gateway-1"]]);
    },
  );

  await t.step("a host's key that another fleet, or nobody, has signed is not believed", async () => {
    const other = `${folder}/other_ca`;
    await Deno.writeTextFile(other, `${authorityLine(createFleetKey().publicKey)}\n`);
    const { code, stderr } = await run([
      ...["ssh", "-F", config, "-o"],
      ...[`ProxyCommand ssh -F ${config} -W %h:%p +jump@gateway-1`, `-oUserKnownHostsFile=${other}`],
      ...[`${newLogin()}@host-1`, "true"],
    ]);
    deepStrictEqual([code, /Host key verification failed/.test(stderr)], [255, true]);
  });

  await t.step("bulk both ways, as it was sent", async () => {
    const sum = (await run(["sh", "-c", `head -c 50000000 /dev/zero | sha256sum`])).stdout;
    const down = await run([
      ...["sh", "-c"],
      `ssh -F ${config} -J +jump@gateway-1 ${newLogin()}@host-1 'head -c 50000000 /dev/zero' | sha256sum`,
    ]);
    strictEqual(down.stdout, sum);
    const up = await run([
      ...["sh", "-c"],
      `head -c 50000000 /dev/zero | ssh -F ${config} -J +jump@gateway-1 ${newLogin()}@host-1 sha256sum`,
    ]);
    strictEqual(up.stdout, sum);
  });

  await t.step("scp, in both protocols", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(`${folder}/source`, bytes);
    for (const protocol of [["-O"], ["-s"]]) {
      const login = newLogin();
      const there = `${login}@host-2:copy`;
      const scp = ["scp", "-q", ...protocol, "-F", config, "-J", "+jump@gateway-2"];
      const { code, stderr } = await run([...scp, `${folder}/source`, there]);
      deepStrictEqual([code, stderr], [0, ""]);
      strictEqual((await run([...scp, there, `${folder}/back`])).code, 0);
      deepStrictEqual(await Deno.readFile(`${folder}/back`), bytes);
    }
  });

  await t.step("nowhere else: no other port, no address, no host that is not there", async () => {
    for (const destination of ["host-1:2222", "127.0.0.1:22", "host-9:22", `${fleet.bus.address}:4222`]) {
      const { code, stderr } = await run(["ssh", "-F", config, "-W", destination, "+jump@gateway-1"]);
      strictEqual(code, 255, destination);
      match(stderr, /No host of this name is known here/);
    }
  });

  await t.step("no session without a host, and no forwarding with one", async () => {
    const session = await run(["ssh", "-F", config, "+jump@gateway-1", "true"]);
    match(session.stderr, /This connection only leads on to hosts/);
    const forward = await run(["ssh", "-F", config, "-W", "host-2:22", `${newLogin()}+host-1@gateway-1`]);
    match(forward.stderr, /not forwarded here/);
  });

  await t.step("inside, another host cannot be asked for", async () => {
    const { code, stderr } = await jump("gateway-1", `${newLogin()}+host-2@host-1`, "true");
    deepStrictEqual([code, /Permission denied/.test(stderr)], [255, true]);
  });

  await t.step("the end of the outer connection is the end of the inner ones", async () => {
    const login = newLogin();
    const client = new Deno.Command("ssh", {
      args: ["-F", config, "-J", "+jump@gateway-1", `${login}@host-3`, "echo up; sleep 1000"],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = client.stdout.getReader();
    await reader.read();
    await fleet.kill(fleet.gateways[0]!, "gateway");
    strictEqual((await client.status).code, 255);
    await reader.cancel();
  });
});
