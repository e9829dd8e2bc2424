/** A download during which nats-server dies again and again. */

import { strictEqual } from "node:assert/strict";
import { shell } from "./command.ts";
import { newLogin } from "./logins.ts";
import { processTree } from "./processes.ts";
import { startOnNats } from "./real_nats.ts";
import { roleOf, type Sallyport } from "./sallyport.ts";
import { sshArguments } from "./ssh.ts";
import { until } from "./wait.ts";

/** `bytes` of output that cannot be compressed or guessed, and is the same for each `seed`. */
export function made(seed: string, bytes: number): string {
  return `openssl enc -aes-128-ctr -nosalt -pass pass:${seed} -pbkdf2 -in /dev/zero 2> /dev/null | head -c ${bytes}`;
}

/** The processes of the service that live through whatever the bus does. */
export function lastingPids(sallyport: Sallyport): string {
  const roles = ["gateway", "dispatcher", "monitor"];
  return processTree(sallyport.child.pid).filter((process) => roles.includes(roleOf(process) ?? ""))
    .map(({ pid }) => pid).join(" ");
}

/** Moves `bytes`, with nats-server killed and started `kills` times on the way; fails unless all arrives, once. */
export async function killedTransfer(bytes: number, kills: number): Promise<void> {
  await using on = await startOnNats();
  const { sallyport, nats } = on;
  const login = newLogin();
  const sum = (await shell(`${made(login, bytes)} | sha256sum`)).stdout;
  const before = lastingPids(sallyport);
  const copy = `/tmp/${login}`;
  const target = sshArguments(sallyport, login, [], [made(login, bytes)]);
  const down = shell(`"$@" | tee ${copy} | sha256sum`, target, { timeoutMs: 300_000 });
  const arrived = async () => (await Deno.stat(copy).catch(() => ({ size: 0 }))).size;
  for (let kill = 1; kill <= kills; kill++) {
    const isFarther = async () => await arrived() > bytes * kill / (kills + 2);
    await until("the transfer has moved on", isFarther, { timeoutMs: 120_000 });
    await nats.kill();
    await nats.start();
  }
  strictEqual((await down).stdout, sum);
  strictEqual(lastingPids(sallyport), before);
  await Deno.remove(copy);
}
