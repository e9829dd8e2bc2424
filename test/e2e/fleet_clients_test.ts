/** scp, rsync and ansible with each way to name a host: in the login, by a label, and by `sallyport ssh-config`. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { Sections } from "../../examples/fleet/fleet.ts";
import { run } from "../support/command.ts";
import { startFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";
import { sshPort } from "../../examples/fleet/fleet.ts";

const main = new URL("../../services/main.ts", import.meta.url).pathname;

/** How a client is told where to go. */
interface Form {
  name: string;
  /** What stands before the colon of scp and rsync. */
  destination: (login: string) => string;
  /** For ssh, before anything else. */
  options: string[];
  /** A line of an inventory, without the login. */
  inventory: (login: string) => string;
}

Deno.test("scp, rsync and ansible reach a host by its name in the login, by a label, and through a jump", async (t) => {
  const labels: Sections = { host: { labels: { role: "db" } } };
  await using fleet = await startFleet({ config: ({ name }) => name === "host-2" ? labels : {} });
  const { folder, files } = fleet.fleet;
  const { address } = fleet.gateways[0]!;
  const trusting = [
    "StrictHostKeyChecking=accept-new",
    `UserKnownHostsFile=${folder}/known_hosts`,
    "GlobalKnownHostsFile=none",
    "BatchMode=yes",
    "LogLevel=ERROR",
  ];
  const asOptions = trusting.flatMap((option) => ["-o", option]);
  const direct = [
    "-F",
    "none",
    "-i",
    files.keyFile,
    "-o",
    "IdentitiesOnly=yes",
    ...asOptions,
    "-o",
    `Port=${sshPort}`,
  ];

  const generated = await run([
    ...[Deno.execPath(), "run", "-A", main, "ssh-config", `${address}:${sshPort}`, "--state", folder],
    ...["--identity", files.keyFile, ...asOptions],
  ]);
  strictEqual(generated.stderr, "");
  const config = `${folder}/ssh_config`;
  // What a command line says does not reach the jump.
  const general = trusting.map((option) => `  ${option.replace("=", " ")}\n`).join("");
  await Deno.writeTextFile(config, `${generated.stdout}Host *\n${general}`);
  match(generated.stdout, /^Host host-1 host-2 host-3\n {2}ProxyJump sallyport-/m);

  const direct1 = (name: string, where: string): Form => ({
    name,
    destination: (login) => `${login}+${where}@${address}`,
    options: direct,
    inventory: (login) => `target ansible_host=${address} ansible_user=${login}+${where}`,
  });
  const forms: Form[] = [
    direct1("login+host", "host-2"),
    direct1("login+label", "role=db"),
    {
      name: "ssh-config and ProxyJump",
      destination: (login) => `${login}@host-2`,
      options: ["-F", config],
      inventory: (login) => `target ansible_host=host-2 ansible_user=${login}`,
    },
  ];
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const source = `${folder}/source`;
  const back = `${folder}/back`;
  await Deno.writeFile(source, bytes);
  const arrived = async (login: string, name: string) =>
    deepStrictEqual(await Deno.readFile(fleet.path(fleet.hosts[1]!, `/home/${login}/${name}`)), bytes);

  for (const { name, destination, options, inventory } of forms) {
    const login = newLogin();
    const there = destination(login);

    await t.step(`scp by ${name}`, async () => {
      for (const protocol of ["-O", "-s"]) {
        const scp = ["scp", "-q", protocol, ...options];
        const { code, stderr } = await run([...scp, source, `${there}:scp${protocol}`]);
        deepStrictEqual([code, stderr], [0, ""]);
        await arrived(login, `scp${protocol}`);
        strictEqual((await run([...scp, `${there}:scp${protocol}`, back])).code, 0);
        deepStrictEqual(await Deno.readFile(back), bytes);
      }
    });

    await t.step(`rsync by ${name}`, async () => {
      const rsync = ["rsync", "-e", ["ssh", ...options].join(" ")];
      const { code, stderr } = await run([...rsync, source, `${there}:rsync`]);
      deepStrictEqual([code, stderr], [0, ""]);
      await arrived(login, "rsync");
    });

    await t.step(`ansible by ${name}`, async () => {
      const hosts = `${folder}/inventory`;
      await Deno.writeTextFile(hosts, `${inventory(login)}\n`);
      for (const pipelining of ["False", "True"]) {
        const { code, stdout, stderr } = await run([
          ...[
            "ansible",
            "-i",
            hosts,
            "target",
            "-m",
            "copy",
            "-a",
            `src=${source} dest=ansible${pipelining}`,
          ],
          `--ssh-common-args=${options.join(" ")}`,
        ], {
          env: {
            ANSIBLE_PIPELINING: pipelining,
            ANSIBLE_SSH_ARGS: "-o ControlMaster=no",
            ANSIBLE_HOME: `${folder}/ansible`,
            ANSIBLE_LOCAL_TEMP: `${folder}/ansible/tmp`,
            ANSIBLE_PYTHON_INTERPRETER: "/usr/bin/python3",
            LC_ALL: "C.UTF-8",
          },
        });
        strictEqual(code, 0, stdout + stderr);
        match(stdout, /CHANGED/);
        await arrived(login, `ansible${pipelining}`);
      }
    });
  }
});
