/**
 * `deno task fleet`: three hosts, two gateways and a nats-server on this machine, each in namespaces of its own, until ^C.
 *
 * This process stays in the machine's own network and passes connections to 127.0.0.1 on to the gateways; everything else
 * is inside.ts, in namespaces that end with this process and leave nothing behind.
 */

import { FileLock } from "../../ffi/flock.ts";
import { firstOf, gatewayPorts, passOn, socketOf } from "./outside.ts";

const folder = "/run/sallyport-fleet";
const inside = new URL("./inside.ts", import.meta.url).pathname;
const needed: Record<string, string> = {
  "/usr/sbin/nats-server": "nats-server",
  "/usr/bin/ssh": "openssh-client",
  "/usr/sbin/bridge": "iproute2",
  "/usr/lib/openssh/sftp-server": "openssh-sftp-server",
};

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  if (Deno.uid() !== 0) return refuse("Cannot make namespaces: run it as root, for instance with sudo");
  const missing = Object.entries(needed).filter(([file]) => !exists(file)).map(([, name]) => name);
  if (missing.length > 0) return refuse(`Cannot start without: apt-get install -y ${missing.join(" ")}`);
  using lock = FileLock.attempt(`${folder}.lock`, "exclusive");
  if (!lock) return refuse("A fleet runs already on this machine");
  removeFolder();
  Deno.mkdirSync(folder, { mode: 0o700 });
  const asked = firstOf(["SIGINT", "SIGTERM", "SIGHUP"]);
  const fleet = new Deno.Command("unshare", {
    args: [
      ...["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--propagation", "private"],
      ...[Deno.execPath(), "run", "-A", inside, folder],
    ],
    stdin: "piped",
  }).spawn();
  const listeners = gatewayPorts.map((port, index) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    void passOn(listener, () => Deno.connect({ transport: "unix", path: socketOf(folder, index) }));
    return listener;
  });
  const ended = fleet.status.then(({ code }) => code);
  const code = await Promise.race([ended, asked.then(() => 0)]);
  for (const listener of listeners) listener.close();
  await fleet.stdin.close().catch(() => {}); // Ended already.
  await ended;
  removeFolder();
  return code;
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

function removeFolder(): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function refuse(sentence: string): number {
  console.error(sentence);
  return 1;
}
