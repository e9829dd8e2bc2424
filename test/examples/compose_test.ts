/** compose.yaml: its form by Debian's docker-compose, and the commands in it as they stand, without a Docker engine. */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { parse } from "yaml";
import { run } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { ssh } from "../support/ssh.ts";
import { until } from "../support/wait.ts";

const root = new URL("../..", import.meta.url).pathname;

interface Service {
  command: string[];
  volumes: string[];
}

async function services(): Promise<Record<string, Service>> {
  const { code, stdout, stderr } = await run(["docker-compose", "-f", `${root}compose.yaml`, "config"]);
  strictEqual(code, 0, stderr);
  return parse(stdout).services;
}

Deno.test("docker-compose reads compose.yaml, and no member's container sees another's folder or the fleet key", async () => {
  const all = await services();
  deepStrictEqual(Object.keys(all).sort(), ["gateway-1", "host-1", "host-2", "host-3", "keys", "nats"]);
  for (const [name, { volumes }] of Object.entries(all)) {
    if (name === "keys") continue;
    const sources = volumes.map((volume) => volume.split(":")[0]!);
    ok(sources.every((source) => source === (name === "nats" ? "bus" : source) && source !== "fleet"), name);
    if (name !== "nats") ok(sources.every((source) => source.startsWith(name)), `${name}: ${sources}`);
  }
});

Deno.test("its commands make the keys and serve logins, run as they stand", async () => {
  const all = await services();
  const dockerfile = await Deno.readTextFile(`${root}examples/compose/Dockerfile`);
  const [, entry] = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile) ?? [];
  const here = (words: string[]) => words.map((word) => word.replace("/opt/sallyport/", root));
  const argvOf = (service: string) => [
    Deno.execPath(),
    ...here([...(JSON.parse(entry!) as string[]).slice(1), ...all[service]!.command]),
  ];
  for (const folder of ["/fleet", "/bus"]) await Deno.mkdir(folder);
  const children: Deno.ChildProcess[] = [];
  const start = ([command, ...args]: string[]) => {
    const child = new Deno.Command(command!, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    children.push(child);
    return child;
  };
  try {
    for (const _again of [false, true]) {
      const { code, stderr } = await run(argvOf("keys"));
      deepStrictEqual([code, stderr], [0, ""]);
    }
    await Deno.writeTextFile("/etc/hosts", "127.0.0.1 localhost nats\n");
    start(["nats-server", ...all.nats!.command]);
    start(argvOf("gateway-1"));
    start(argvOf("host-1"));
    const target = { port: 2222, keyFile: "/fleet/id_ed25519", state: "/fleet" };
    const login = newLogin();
    const answer = await until("a login", async () => {
      const result = await ssh(target, `${login}+host-1`, "id -un; exit 7");
      return result.code === 7 && result;
    }, { timeoutMs: 30_000, everyMs: 300 });
    strictEqual(answer.stdout, `${login}\n`);
    match((await ssh(target, "+hosts", "")).stdout, /^host-1 +up /m);
  } finally {
    for (const child of children.reverse()) {
      signal(child.pid, "SIGTERM");
      await child.status;
    }
    for (const folder of ["/fleet", "/bus"]) await Deno.remove(folder, { recursive: true });
  }
});
