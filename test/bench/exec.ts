/** How long `exec true` takes, on a new connection and on one that is open. */

import { connectClient, execOn } from "../support/client.ts";
import { ssh, type SshTarget } from "../support/ssh.ts";
import { interleaved, median, type Peers, timed } from "./peers.ts";
import { ratioRow, type Row } from "./table.ts";

const perRound = 10;
const perConnection = 100;

const algorithms = ["-o", "KexAlgorithms=curve25519-sha256", "-o", "Ciphers=chacha20-poly1305@openssh.com"];

export async function newConnections(peers: Peers): Promise<Row[]> {
  const { ours, theirs } = await interleaved(peers, async (target) => {
    const times: number[] = [];
    for (let count = 0; count < perRound; count++) {
      times.push(await timed(() => succeed(target, peers.login)));
    }
    return times;
  });
  return [
    ratioRow("new connection + `exec true`, p50", median(ours.flat()), median(theirs.flat()), {
      unit: "ms",
      atMost: 1,
    }),
  ];
}

async function succeed(target: SshTarget, login: string): Promise<void> {
  const { code, stderr } = await ssh(target, login, "true", { options: algorithms });
  if (code !== 0) throw new Error(`ssh ended with ${code}: ${stderr}`);
}

export async function openConnection(peers: Peers): Promise<Row[]> {
  const { ours, theirs } = await interleaved(peers, async (target) => {
    using client = await connectClient(target, peers.login);
    await execOn(client, "true");
    const times: number[] = [];
    for (let count = 0; count < perConnection; count++) {
      times.push(await timed(() => execOn(client, "true")));
    }
    return times;
  });
  return [
    ratioRow("`exec true` on an open connection, p50", median(ours.flat()), median(theirs.flat()), {
      unit: "ms",
      atMost: 2,
    }),
  ];
}
