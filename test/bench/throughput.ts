/** Megabytes per second through one session, down and up, by cipher; and with a long way between client and server. */

import { shell } from "../support/command.ts";
import { sshArguments, type SshTarget } from "../support/ssh.ts";
import { startDelay } from "./delay.ts";
import { interleaved, median, type Peers, timed } from "./peers.ts";
import { absoluteRow, ratioRow, type Row } from "./table.ts";

const megabytes = 256;
const farMegabytes = 128;
/** Round trip of the row with a long way, in milliseconds. */
const roundTripMs = 50;

const ciphers = [["chacha20-poly1305@openssh.com", 0.25], ["aes128-gcm@openssh.com", 0.2]] as const;
type Direction = "download" | "upload";

/** Megabytes per second of one transfer, connection set-up not counted. */
async function rate(
  target: SshTarget,
  login: string,
  options: { direction: Direction; cipher: string; megabytes: number },
): Promise<number> {
  const { direction, cipher } = options;
  const count = options.megabytes;
  const source = `head -c ${count}000000 /dev/zero`;
  const connect = (command: string) =>
    sshArguments(target, login, ["-o", `Ciphers=${cipher}`, "-o", "KexAlgorithms=curve25519-sha256"], [
      command,
    ]);
  const setUpMs = await timed(() => shell('"$@"', connect("true")));
  const transferMs = await timed(async () => {
    const { code, stdout } = direction === "download"
      ? await shell('"$@" | wc -c', connect(source))
      : await shell(`${source} | "$@"`, connect("wc -c"));
    if (code !== 0 || Number(stdout) !== count * 1_000_000) throw new Error(`${direction} gave ${stdout}`);
  });
  return count * 1_000 / (transferMs - setUpMs);
}

export async function throughput(peers: Peers): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [cipher, atLeast] of ciphers) {
    for (const direction of ["download", "upload"] as const) {
      const { ours, theirs } = await interleaved(
        peers,
        (target) => rate(target, peers.login, { direction, cipher, megabytes }),
      );
      const name = cipher.replace("@openssh.com", "");
      rows.push(ratioRow(`${direction}, ${name}`, median(ours), median(theirs), { unit: "MB/s", atLeast }));
    }
  }
  return rows;
}

/** The same through a relay that holds every byte for half a round trip in each direction. */
export async function roundTrip(peers: Peers): Promise<Row[]> {
  const rows: Row[] = [];
  for (const direction of ["download", "upload"] as const) {
    const { ours, theirs } = await interleaved(
      { ...peers, rounds: Math.min(peers.rounds, 3) },
      async (target) => {
        using delay = startDelay(target.port, roundTripMs / 2);
        return await rate(
          { ...target, port: delay.port, keyFile: target.keyFile, state: target.state },
          peers.login,
          {
            direction,
            cipher: "aes128-gcm@openssh.com",
            megabytes: farMegabytes,
          },
        );
      },
    );
    rows.push(
      absoluteRow(`${direction} at ${roundTripMs} ms round trip`, median(ours), {
        theirs: median(theirs),
        unit: "MB/s",
        atLeast: 20,
      }),
    );
  }
  return rows;
}
