/**
 * `deno task bench [ROUNDS]`: Sallyport beside Debian's sshd, same machine, same PAM stack, same client, one run.
 *
 * Both are measured in turn, round by round, so that a busy moment of the machine hits both. Prints Markdown.
 */

import { inNamespace, runInNamespace } from "../support/namespace.ts";
import { installDebianPackages } from "../support/packages.ts";
import { startSallyport } from "../support/sallyport.ts";
import { startSshd } from "../support/sshd.ts";
import { benchStack } from "./stack.ts";
import { newConnections, openConnection } from "./exec.ts";
import { growth } from "./growth.ts";
import { keystrokes } from "./keystrokes.ts";
import { idleConnections, idleSessions } from "./memory.ts";
import { printTable, type Row } from "./table.ts";
import { roundTrip, throughput } from "./throughput.ts";
import type { Peers } from "./peers.ts";

const login = "bencher";

async function measure(rounds: number): Promise<Row[]> {
  const stack = await benchStack(login);
  await using sshd = await startSshd(stack);
  await using sallyport = await startSallyport({
    stack,
    config: { log: { level: "warning", format: "json" }, gateway: { MaxSessions: 1_000 } },
  });
  const peers: Peers = { sallyport, sshd, stack, login, rounds };
  const steps = [
    newConnections,
    openConnection,
    keystrokes,
    throughput,
    roundTrip,
    idleSessions,
    idleConnections,
    growth,
  ];
  const rows: Row[] = [];
  for (const step of steps) {
    const found = await step(peers);
    for (const row of found) console.error(`${row.what}: ${row.ours} (sshd ${row.theirs})`);
    rows.push(...found);
  }
  return rows;
}

if (import.meta.main) {
  if (!inNamespace()) {
    installDebianPackages();
    Deno.exit(await runInNamespace([Deno.execPath(), "run", "-A", import.meta.filename!, ...Deno.args]));
  }
  printTable(await measure(Number(Deno.args[0] ?? 5)));
}
