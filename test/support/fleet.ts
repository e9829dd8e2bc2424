/** The fleet of examples/fleet for tests: with ways to log in, and to do it harm. */

import { Fleet, type FleetOptions, Member, type Party, sshPort } from "../../examples/fleet/fleet.ts";
import { type CommandResult, run } from "./command.ts";
import { allProcesses, isAlive, type ProcessInfo, signal } from "./processes.ts";
import { type Role, roleOf } from "./sallyport.ts";
import { spawnSsh, ssh, type SshOptions, type SshTarget } from "./ssh.ts";
import { writeScript } from "./stacks.ts";
import { echoCommand, Talk } from "./talk.ts";
import { until } from "./wait.ts";

export type { Member };

/** Where a host notes PAM's sessions, and how. */
const sessionRecord = "/run/pam-sessions";
const recordSession = `#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >> ${sessionRecord}\n`;

/** Parts of the product on one machine, and the bus. */
export type Part = Role | "bus";

export interface TestFleetOptions extends FleetOptions {
  /** Text of the hosts' PAM stack; by default the bundled one, which creates accounts. */
  stack?: string;
}

export class TestFleet implements AsyncDisposable {
  private constructor(readonly fleet: Fleet) {}

  static async start({ stack, config = () => ({}), ...options }: TestFleetOptions = {}): Promise<TestFleet> {
    const withLogs = (party: Party) => ({ log: { level: "debug", format: "json" }, ...config(party) });
    const fleet = await Fleet.start({ ...options, config: withLogs });
    const test = new TestFleet(fleet);
    const recorder = await writeScript(fleet.folder, "record-session", recordSession);
    for (const host of fleet.hosts) {
      const file = `${fleet.folder}/hosts/${host.name}/pam.d/sallyport`;
      const text = stack ?? await Deno.readTextFile(file);
      await Deno.writeTextFile(file, `${text}session required pam_exec.so quiet ${recorder}\n`);
    }
    return test;
  }

  get bus(): Member {
    return this.fleet.bus;
  }

  get gateways(): Member[] {
    return this.fleet.gateways;
  }

  get hosts(): Member[] {
    return this.fleet.hosts;
  }

  /** Where ssh finds a gateway. */
  target(gateway: Member = this.gateways[0]!): SshTarget {
    const { folder, files } = this.fleet;
    return { address: gateway.address, port: sshPort, keyFile: files.keyFile, state: folder };
  }

  /** Runs a command as `login` (`ada+host-2`), by the first gateway unless another is given. */
  ssh(
    login: string,
    command: string,
    options: SshOptions & { gateway?: Member } = {},
  ): Promise<CommandResult> {
    const { gateway, ...rest } = options;
    return ssh(this.target(gateway), login, command, rest);
  }

  /** Starts an ssh that goes on until it is killed, closed or done. */
  spawn(
    login: string,
    command: string,
    options: string[] = [],
    gateway?: Member,
  ): Deno.ChildProcess {
    return spawnSsh(this.target(gateway), login, [command], options);
  }

  /** Where a file of a member is seen from outside it. */
  path(member: Member, file: string): string {
    return `/proc/${member.machine.pid}/root${file}`;
  }

  /** Living processes of a member's machine: all of them, or those of one part of the product. */
  processes(member: Member, part?: Part): ProcessInfo[] {
    const namespace = Deno.readLinkSync(`/proc/${member.machine.pid}/ns/pid`);
    return allProcesses().filter((process) => {
      if (process.state === "Z" || (part !== undefined && partOf(process) !== part)) return false;
      try {
        return Deno.readLinkSync(`/proc/${process.pid}/ns/pid`) === namespace;
      } catch {
        return false; // Gone just now.
      }
    });
  }

  /** The one process of a part. */
  process(member: Member, part: Part): ProcessInfo {
    const [first, ...more] = this.processes(member, part);
    if (!first || more.length > 0) {
      throw new Error(`Expected one ${part} on ${member.name}, found ${more.length + (first ? 1 : 0)}`);
    }
    return first;
  }

  /** Kills one part of a member without a word, and waits until it is gone. */
  async kill(member: Member, part: Part): Promise<void> {
    const { pid } = this.process(member, part);
    signal(pid, "SIGKILL");
    await until(`the ${part} of ${member.name} is gone`, () => !isAlive(pid));
  }

  signal(member: Member, part: Part, name: Deno.Signal): void {
    signal(this.process(member, part).pid, name);
  }

  /** Starts a member's program again, once the last one has ended, and waits until it says that it is ready. */
  async restart(member: Member): Promise<void> {
    await member.ended();
    const from = member.logs().length;
    member.start();
    await member.says(readyText(member), from);
  }

  /** Kills the nats-server and starts it again. */
  async restartBus(): Promise<void> {
    await this.kill(this.bus, "bus");
    await this.restart(this.bus);
  }

  /** Cuts a member off from all others: packets are dropped, nobody is told. */
  partition(member: Member): Promise<void> {
    return member.machine.cable.cut();
  }

  heal(member: Member): Promise<void> {
    return member.machine.cable.mend();
  }

  /** Logins that have a journal file, which is there from before PAM opens a session until after it is closed. */
  leases(host: Member): number {
    const folder = this.path(host, "/run/sallyport/leases");
    try {
      return Deno.readDirSync(folder).filter(({ name }) => name.endsWith(".json")).toArray().length;
    } catch {
      return 0;
    }
  }

  /** How often PAM has opened and closed a session of `login` on a host. */
  sessions(host: Member, login: string): { opened: number; closed: number } {
    let text = "";
    try {
      text = Deno.readTextFileSync(this.path(host, sessionRecord));
    } catch {
      // None yet.
    }
    const count = (type: string) => text.split("\n").filter((line) => line === `${type} ${login}`).length;
    return { opened: count("open_session"), closed: count("close_session") };
  }

  /** Starts a session that says back every line, and waits for its first. */
  async talk(login: string, options: string[] = [], gateway?: Member): Promise<Talk> {
    const talk = new Talk(this.spawn(login, echoCommand, ["-o", "LogLevel=INFO", ...options], gateway));
    await talk.line();
    return talk;
  }

  /** Runs a program as root on a member's machine. */
  on(member: Member, ...argv: string[]): Promise<CommandResult> {
    return run(member.machine.inside(argv));
  }

  /** What everybody has said. */
  logs(): string {
    return this.fleet.members.map((member) => `--- ${member.name}\n${member.logs()}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (Deno.env.has("SALLYPORT_TEST_LOGS")) console.log(this.logs());
    await this.fleet[Symbol.asyncDispose]();
  }
}

/** Starts a fleet of three hosts and two gateways, unless told otherwise. */
export function startFleet(options: TestFleetOptions = {}): Promise<TestFleet> {
  return TestFleet.start(options);
}

function partOf(process: ProcessInfo): Part | null {
  return /nats-server$/.test(process.argv[0] ?? "") ? "bus" : roleOf(process);
}

function readyText({ party }: Member): string {
  return { bus: "Server is ready", gateway: "Listening on", host: "serves" }[party.kind];
}
