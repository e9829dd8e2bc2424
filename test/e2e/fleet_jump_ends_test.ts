/** Connections inside a jump: how many there may be, new keys, whom a client believes, and that they end with the outer one. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import type { Sections } from "../../examples/fleet/fleet.ts";
import { startFleet } from "../support/fleet.ts";
import { authorityLine } from "../../shared/trust/host_certificate.ts";
import { createFleetKey } from "../../shared/trust/identity.ts";
import { firstLines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const main = new URL("../../services/main.ts", import.meta.url).pathname;
const maxInner = 2;

Deno.test("connections inside a jump are counted, change keys, and end with the outer one", async (t) => {
  const few: Sections = { gateway: { MaxSessions: maxInner } };
  await using fleet = await startFleet({
    hosts: 1,
    gateways: 1,
    config: ({ kind }) => kind === "gateway" ? few : {},
  });
  const { folder, files } = fleet.fleet;
  const [host, gateway] = [fleet.hosts[0]!, fleet.gateways[0]!];
  const config = `${folder}/ssh_config`;
  const socket = `${folder}/outer`;
  await Deno.writeTextFile(
    config,
    [
      `IdentityFile ${files.keyFile}`,
      `IdentitiesOnly yes`,
      `BatchMode yes`,
      `UserKnownHostsFile ${files.authorityFile}`,
      `GlobalKnownHostsFile none`,
      `StrictHostKeyChecking yes`,
      `Host gate`,
      `  HostName ${gateway.address}`,
      `  HostKeyAlias ${gateway.name}`,
      `  Port 2222`,
      `  User +jump`,
      `  ControlPath ${socket}`,
    ].join("\n"),
  );
  const destination = `${newLogin()}@${host.name}`;
  const inside = ["-F", config, "-o", `ProxyCommand=ssh -F ${config} -W %h:%p gate`, destination];
  const start = (command: string) =>
    new Deno.Command("ssh", {
      args: [...inside, command],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  const isLetIn = async () => (await run(["ssh", ...inside, "true"])).code === 0;
  /** The outer connection: every other ssh to the gateway goes over this one. */
  const outer = new Deno.Command("ssh", {
    args: ["-F", config, "-M", "-N", "gate"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const saidOutside = new Response(outer.stderr).text();
  await until(
    "the outer connection is there",
    async () => (await run(["ssh", "-F", config, "-O", "check", "gate"])).code === 0,
  );

  await t.step("as many at a time as sessions, and more when these have ended", async () => {
    const open = Array.from({ length: maxInner }, () => start("echo up; exec cat"));
    for (const { stdout } of open) strictEqual((await firstLines(stdout, 1))[0], "up");
    strictEqual(await isLetIn(), false);
    for (const { stdin } of open) await stdin.close();
    for (const { status } of open) strictEqual((await status).code, 0);
    // For the gateway a connection ends a moment after it does for the client.
    for (let round = 0; round <= maxInner; round++) await until("the next is let in", isLetIn);
  });

  await t.step("new keys while bytes flow, inside and outside", async () => {
    const bytes = new Uint8Array(20_000_000);
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    const rekeying = (log: string) => ["-v", "-E", `${folder}/${log}`, "-o", "RekeyLimit=1M"];
    const proxy = [
      "ssh",
      "-F",
      config,
      ...rekeying("outside"),
      "-o",
      "ControlPath=none",
      "-W",
      "%h:%p",
      "gate",
    ];
    const { code, stdout } = await run(
      [
        ...["ssh", "-F", config, ...rekeying("inside"), "-o", `ProxyCommand=${proxy.join(" ")}`],
        ...[destination, "sha256sum"],
      ],
      { stdin: bytes },
    );
    deepStrictEqual([code, stdout], [0, `${sum}  -\n`]);
    for (const log of ["inside", "outside"]) {
      const text = await Deno.readTextFile(`${folder}/${log}`);
      match(text, /matches the ED25519-CERT host certificate/);
      const exchanges = text.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
      strictEqual(exchanges > 5, true, `${exchanges} key exchanges ${log}`);
    }
  });

  await t.step("what ssh-config prints is enough to believe a host, and no other fleet's is", async () => {
    const keyLine = await Deno.readTextFile(`${folder}/gateways/${gateway.name}/ssh_host_ed25519_key.pub`);
    const knownHosts = `${folder}/known_gateway`;
    await Deno.writeTextFile(knownHosts, `[${gateway.address}]:2222 ${keyLine}`);
    const strict = [
      ...["StrictHostKeyChecking=yes", "GlobalKnownHostsFile=none", `UserKnownHostsFile=${knownHosts}`],
      ...["BatchMode=yes", "IdentitiesOnly=yes"],
    ];
    const { code, stdout, stderr } = await run([
      ...[Deno.execPath(), "run", "-A", main, "ssh-config", `${gateway.address}:2222`, "--state", folder],
      ...["--identity", files.keyFile, ...strict.flatMap((option) => ["-o", option])],
    ]);
    deepStrictEqual([code, stderr], [0, ""]);
    const general = strict.map((option) => `  ${option.replace("=", " ")}\n`).join("");
    const another = authorityLine(createFleetKey().publicKey);
    const authority = (await Deno.readTextFile(files.authorityFile)).trim();
    for (const [line, expected] of [[authority, 0], [another, 255]] as const) {
      const printed = `${folder}/printed_config`;
      await Deno.writeTextFile(printed, `${stdout.replace(authority, line)}\nHost *\n${general}`);
      const result = await run(["ssh", "-F", printed, destination, "id -un"]);
      deepStrictEqual([result.code, result.stdout !== ""], [expected, expected === 0], result.stderr);
    }
  });

  await t.step("with a killed outer connection those end that are full both ways", async () => {
    // Nobody reads here, and `sleep` does not read there.
    const full = start("echo up; cat /dev/zero & sleep 1000");
    const writer = full.stdin.getWriter();
    let written = 0;
    const writing = (async () => {
      for (;; written++) await writer.write(new Uint8Array(65_536));
    })().catch(() => {}); // The client is gone.
    await until("there is a login", () => fleet.leases(host) === 1);
    let before = 0;
    await until("the client can send no more", () => {
      const isFull = written > 0 && written === before;
      before = written;
      return isFull;
    }, { everyMs: 500 });
    signal(outer.pid, "SIGKILL");
    strictEqual((await full.status).code, 255);
    await Promise.all([full.stdout.cancel(), writing]);
    await until("there is no login", () => fleet.leases(host) === 0);
  });

  signal(outer.pid, "SIGKILL"); // If a step has failed before.
  await outer.status;
  match(await saidOutside, /open failed: .*Too many sessions on this connection/);
});
