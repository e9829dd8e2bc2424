/** A fleet on one machine: hosts, gateways and a nats-server, each on what looks like a machine of its own. */

import { busPort, type FleetFiles, type Party, type Sections, sshPort, writeFiles } from "./configuration.ts";
import { must } from "./command.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";

const root = new URL("../..", import.meta.url).pathname;
/** Memory mounted here in a mount namespace of ours: machines do not cover it with folders of their own. */
const mountPoint = "/media";
/** What nats-server runs as. */
const busUid = "60804";
const startTimeoutMs = 30_000;

export interface FleetOptions {
  /** @default {3} */
  hosts?: number;
  /** @default {2} */
  gateways?: number;
  config?: (party: Party) => Sections;
}

/** A program of the product on its machine, which can be started again. */
export class Member {
  #child: Deno.ChildProcess | null = null;

  constructor(
    readonly party: Party | { kind: "bus"; name: string },
    readonly machine: Machine,
    readonly argv: string[],
    readonly logFile: string,
  ) {}

  get name(): string {
    return this.party.name;
  }

  get address(): string {
    return this.machine.address;
  }

  start(): void {
    this.#child = this.machine.spawn(this.argv, this.logFile);
  }

  /** Resolves when the program has ended. */
  async ended(): Promise<void> {
    await this.#child?.status;
  }

  /** Everything it has said so far. */
  logs(): string {
    try {
      return Deno.readTextFileSync(this.logFile);
    } catch {
      return "";
    }
  }

  /** Resolves when its log has `text` after `from` characters. @throws {Error} With the log, when it does not come */
  async says(text: string, from = 0): Promise<void> {
    const deadline = performance.now() + startTimeoutMs;
    while (!this.logs().includes(text, from)) {
      if (performance.now() > deadline) throw new Error(`${this.name} is not ready:\n${this.logs()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export class Fleet implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly network: Network,
    readonly files: FleetFiles,
    readonly bus: Member,
    readonly gateways: Member[],
    readonly hosts: Member[],
  ) {}

  /** Makes and starts everything. This process must be root, in mount and network namespaces of its own. */
  static async start({ hosts = 3, gateways = 2, config = () => ({}) }: FleetOptions = {}): Promise<Fleet> {
    const folder = await fleetFolder();
    const network = await Network.make();
    const parties: Party[] = [...numbered("gateway", gateways), ...numbered("host", hosts)];
    const names = ["bus", ...parties.map(({ name }) => name)];
    const hostsFile = `${folder}/etc-hosts`;
    const lines = names.map((name, number) => `${network.address(number)} ${name}`);
    Deno.writeTextFileSync(hostsFile, ["127.0.0.1 localhost", ...lines, ""].join("\n"));
    const files = writeFiles({ folder, parties, busAddress: network.address(0), config });
    const scratch = `${folder}/scratch`;
    Deno.mkdirSync(scratch);
    const machines = await Promise.all(
      names.map((name, number) =>
        Machine.start({ name, network, address: network.address(number), scratch, hostsFile })
      ),
    );
    const bus = new Member(
      { kind: "bus", name: "bus" },
      machines[0]!,
      busCommand(files),
      `${folder}/bus.log`,
    );
    const members = parties.map((party, index) => {
      const argv = command(party, files.configFile(party));
      return new Member(party, machines[index + 1]!, argv, `${folder}/${party.name}.log`);
    });
    const ofKind = (kind: string) => members.filter(({ party }) => party.kind === kind);
    const fleet = new Fleet(folder, network, files, bus, ofKind("gateway"), ofKind("host"));
    try {
      await fleet.#startMembers();
    } catch (cause) {
      await fleet[Symbol.asyncDispose]();
      throw cause;
    }
    return fleet;
  }

  async #startMembers(): Promise<void> {
    this.bus.start();
    await this.bus.says("Server is ready");
    // Gateways first: they are to hear the hosts' first heartbeats.
    await startAll(this.gateways, "Listening on");
    await startAll(this.hosts, "serves");
  }

  get members(): Member[] {
    return [this.bus, ...this.gateways, ...this.hosts];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(({ machine }) => machine.end()));
    await Promise.all(this.members.map((member) => member.ended()));
    await this.network.remove();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function startAll(members: Member[], readyText: string): Promise<void> {
  for (const member of members) member.start();
  await Promise.all(members.map((member) => member.says(readyText)));
}

function numbered(kind: Party["kind"], count: number): Party[] {
  return Array.from({ length: count }, (_, index) => ({ kind, name: `${kind}-${index + 1}` }));
}

/** A folder that every machine of the fleet sees. */
async function fleetFolder(): Promise<string> {
  const mounts = await Deno.readTextFile("/proc/self/mounts");
  if (!mounts.includes(` ${mountPoint} `)) {
    await must("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", mountPoint);
  }
  const folder = await Deno.makeTempDir({ dir: mountPoint, prefix: "fleet-" });
  // The message of the day is read with the account's rights.
  await Deno.chmod(folder, 0o711);
  return folder;
}

/** As in examples/systemd. */
function command({ kind }: Party, configFile: string): string[] {
  const permissions = kind === "gateway" ? "gateway" : "launcher";
  return [
    ...[
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-prompt",
      "--config",
      `${root}deno.json`,
      `-P=${permissions}`,
    ],
    ...[`${root}services/main.ts`, kind, "--config", configFile],
  ];
}

function busCommand({ busConfigFile }: FleetFiles): string[] {
  const ids = ["--reuid", busUid, "--regid", busUid, "--clear-groups"];
  return ["setpriv", ...ids, "/usr/sbin/nats-server", "-c", busConfigFile];
}

export { busPort, sshPort };
export type { Party, Sections };
