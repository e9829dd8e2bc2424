/** How long a keystroke takes to come back from a terminal in raw mode with cat(1) behind it. */

import type { ClientChannel } from "ssh2";
import { connectClient } from "../support/client.ts";
import { span, until } from "../support/wait.ts";
import { interleaved, type Peers, quantile } from "./peers.ts";
import { ratioRow, type Row } from "./table.ts";

const strokes = 500;
/** Between two keystrokes; long enough to sleep, short enough to find the machine awake. */
const intervalMs = 2;

export async function keystrokes(peers: Peers): Promise<Row[]> {
  const { ours, theirs } = await interleaved(peers, async (target) => {
    using client = await connectClient(target, peers.login);
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.exec(
        "stty raw -echo; echo ready; exec cat",
        { pty: true },
        (error, opened) => error ? reject(error) : resolve(opened),
      )
    );
    return await echoTimes(channel);
  });
  const row = (name: string, share: number) =>
    ratioRow(
      `keystroke echo on a PTY, ${name}`,
      quantile(ours.flat(), share),
      quantile(theirs.flat(), share),
      {
        unit: "ms",
        atMost: 4,
      },
    );
  return [row("p50", 0.5), row("p99", 0.99)];
}

async function echoTimes(channel: ClientChannel): Promise<number[]> {
  let received = "";
  let answered: (() => void) | null = null;
  channel.on("data", (chunk: Uint8Array) => {
    received += new TextDecoder().decode(chunk);
    answered?.();
  });
  await until("the terminal is ready", () => received.includes("ready"), { everyMs: 5 });
  const times: number[] = [];
  for (let stroke = 0; stroke < strokes; stroke++) {
    await span(intervalMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    answered = resolve;
    const startedAt = performance.now();
    channel.write("x");
    await promise;
    times.push(performance.now() - startedAt);
  }
  return times;
}
