/** `deno task fleet` as README tells it: three hosts by name, and nothing is left behind. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { Lines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { until } from "../support/wait.ts";

const root = new URL("../..", import.meta.url).pathname;
const config = "/run/sallyport-fleet/ssh_config";

function start(): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--config", `${root}deno.json`, "fleet"],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

async function lookAround(): Promise<string> {
  const { stdout: links } = await run(["ip", "-brief", "link"]);
  const mounts = await Deno.readTextFile("/proc/self/mounts");
  return links.replace(/ .*/g, "") + mounts;
}

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  Deno.test(`the fleet of README is reached by name, and ${signal} ends all of it`, async () => {
    const before = await lookAround();
    const task = start();
    const lines = new Lines(task.stdout);
    match(await lines.next(), /^The fleet is up: host-1, host-2, host-3/);
    const ssh = (...words: string[]) => run(["ssh", "-F", config, ...words]);
    const login = newLogin();
    for (const host of ["host-1", "host-2", "host-3"]) {
      const { code, stdout, stderr } = await ssh(`${login}@${host}`, "hostname; id -un; exit 7");
      deepStrictEqual([code, stdout, stderr], [7, `${host}\n${login}\n`, ""]);
    }
    strictEqual((await ssh(`${login}+env=test@gateway-2`, "hostname")).stdout, "host-3\n");
    match((await ssh("+hosts@gateway-1")).stdout, /^host-3 +up .*env=test,role=web$/m);
    const second = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "--config", `${root}deno.json`, "fleet"],
    }).output();
    match(new TextDecoder().decode(second.stderr), /A fleet runs already/);

    // As ^C does it: to every process of the terminal.
    const pids = (await run(["pgrep", "-f", "examples/fleet/main.ts"])).stdout.trim().split("\n").map(Number);
    for (const pid of pids) Deno.kill(pid, signal);
    await task.status;
    await lines.cancel();
    await until(
      "every process is gone",
      async () =>
        (await run(["pgrep", "-f", "examples/fleet/|services/main.ts|nats-server -c /media"])).stdout === "",
    );
    await until("links and mounts are as before", async () => await lookAround() === before);
  });
}
