/** The real product, started as a person starts it: broker, gateway and host by `start`, in a state folder of its own. */

import type { CommandResult } from "./command.ts";
import { isAlive, memoryBytes, type ProcessInfo, processTree, signal } from "./processes.ts";
import { freePort } from "./ports.ts";
import { makeKey, spawnSsh, ssh, sshArguments, type SshOptions, type SshTarget } from "./ssh.ts";
import { creatingStack, writeStack } from "./stacks.ts";
import { Terminal, type TerminalOptions } from "./terminal.ts";
import { until } from "./wait.ts";

const main = new URL("../../services/main.ts", import.meta.url).pathname;

type Settings = Record<string, unknown>;

export interface SallyportOptions {
  /** Text of the PAM stack; by default one that creates the account and shows /etc/motd. `null` switches PAM off. */
  stack?: string | null;
  /** Loopback addresses to listen on. @default {["127.0.0.1"]} */
  addresses?: string[];
  /** Keys of sallyport.yaml to put over the kit's own, section by section; `null` leaves one out. */
  config?: Record<string, Settings | null>;
  /** Files of the state folder that are there before the start, by name. */
  files?: Record<string, string>;
  /** Facts about the kit's one user. */
  traits?: Record<string, string[]>;
}

/** For `config`: PAM asks, and whoever it lets in needs no key. */
export const pamAsks = {
  ssh_service: { pam: { enabled: "yes", service_name: "test", use_pam_auth: "yes" } },
  pam_logins: { "*": ["all"] },
} satisfies Record<string, Settings>;

/** For `config`: as {@link pamAsks}, but a key is enough as well. */
export const pamAsksWithoutKey = { ...pamAsks, host: { require_pam_auth: "no" } } satisfies Record<
  string,
  Settings
>;

/** Parts of the product by what they are started as. */
export const roles = ["start", "broker", "gateway", "monitor", "dispatcher", "worker"] as const;
export type Role = typeof roles[number];

const entries: [RegExp, Role][] = [
  [/services\/host\/monitor\//, "monitor"],
  [/services\/host\/dispatcher\//, "dispatcher"],
  [/services\/host\/worker\//, "worker"],
  [/services\/broker\/|services\/main\.ts broker/, "broker"],
  [/services\/gateway\/|services\/main\.ts gateway/, "gateway"],
  [/services\/main\.ts start/, "start"],
];

/** What part of the product a process is, or `null` for somebody's shell. */
export function roleOf(process: ProcessInfo): Role | null {
  if (!process.argv[0]?.includes("deno")) return null;
  const line = process.argv.join(" ");
  return entries.find(([pattern]) => pattern.test(line))?.[1] ?? null;
}

export class Sallyport implements SshTarget, AsyncDisposable {
  readonly keyFile: string;
  readonly #logFile: string;

  private constructor(
    readonly state: string,
    readonly port: number,
    readonly child: Deno.ChildProcess,
  ) {
    this.keyFile = `${state}/id_ed25519`;
    this.#logFile = `${state}/log`;
  }

  /** Starts everything and waits for the line that says how to log in. */
  static async start(options: SallyportOptions = {}): Promise<Sallyport> {
    const state = await Deno.makeTempDir({ prefix: "sallyport-" });
    const port = freePort();
    const key = await makeKey(`${state}/id_ed25519`);
    for (const [name, text] of Object.entries(options.files ?? {})) {
      await Deno.writeTextFile(`${state}/${name}`, text, { mode: 0o600 });
    }
    await Deno.writeTextFile(`${state}/sallyport.yaml`, await configText(state, port, key, options));
    // The shell only redirects: Deno.Command cannot write into a file.
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$0" "$@" > "$LOG" 2>&1', Deno.execPath(), "run", "-A", main, ...[
        ...[
          "start",
          "--state",
          state,
          "--config",
          `${state}/sallyport.yaml`,
        ],
      ]],
      env: { LOG: `${state}/log` },
      stdin: "null",
    }).spawn();
    const sallyport = new Sallyport(state, port, child);
    try {
      const isReady = () => /^\s*ssh .*@/m.test(sallyport.logs());
      await until("Sallyport is ready or has ended", () => isReady() || !isAlive(child.pid), {
        timeoutMs: 30_000,
      });
      if (!isReady()) throw new Error("Sallyport has ended");
    } catch (cause) {
      const logs = sallyport.logs();
      await sallyport[Symbol.asyncDispose]();
      throw new Error(`${(cause as Error).message}; it said:\n${logs}`, { cause });
    }
    return sallyport;
  }

  /** Everything the services have said so far. */
  logs(): string {
    return Deno.readTextFileSync(this.#logFile);
  }

  /** Runs a command as `login`. */
  ssh(login: string, command: string, options: SshOptions = {}): Promise<CommandResult> {
    return ssh(this, login, command, options);
  }

  /** Logs in as somebody who must not get in. @returns What the person reads, without ssh's own remarks */
  async refusal(login: string, options: SshOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.ssh(login, "echo got in", {
      ...options,
      options: [...(options.options ?? []), "-o", "LogLevel=INFO"],
    });
    if (code !== 255 || stdout !== "") throw new Error(`'${login}' was not refused: ${code} ${stdout}`);
    return stderr.split(/\r?\n/).filter((line) =>
      line !== "" && !line.startsWith("Warning: Permanently added")
    )
      .join("\n");
  }

  /** Starts an ssh that goes on until it is killed, closed or done. */
  spawn(login: string, command: string, options: string[] = []): Deno.ChildProcess {
    return spawnSsh(this, login, [command], options);
  }

  /** A person at a terminal who runs ssh; without a command they get their shell. */
  terminal(
    login: string,
    options: TerminalOptions & { command?: string; options?: string[] } = {},
  ): Promise<Terminal> {
    const { command, options: extra = [], ...size } = options;
    return Terminal.start(
      sshArguments(this, login, ["-t", ...extra], command === undefined ? [] : [command]),
      size,
    );
  }

  /** Living processes of one part. */
  processes(role: Role): ProcessInfo[] {
    return processTree(this.child.pid).filter((process) => process.state !== "Z" && roleOf(process) === role);
  }

  /** The one process of a part. */
  process(role: Exclude<Role, "worker">): ProcessInfo {
    const [first, ...more] = this.processes(role);
    if (!first || more.length > 0) {
      throw new Error(`Expected one ${role}, found ${more.length + (first ? 1 : 0)}\n${this.logs()}`);
    }
    return first;
  }

  /** Leases that have a journal file, which is there from before PAM opens a session until after it is closed. */
  async leases(): Promise<number> {
    return (await this.journals()).length;
  }

  /** Journal files of open leases: lease id and the worker's pid. */
  async journals(): Promise<{ lease: string; pid: number }[]> {
    const folder = `${this.state}/run/leases`;
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
    const found = [];
    for (const name of names.filter((name) => name.endsWith(".json"))) {
      const text = await Deno.readTextFile(`${folder}/${name}`).catch(() => null); // Closed just now.
      if (text !== null) {
        found.push({ lease: name.replace(".json", ""), pid: JSON.parse(text).pid as number });
      }
    }
    return found;
  }

  /** Resident memory of every part in bytes, shared pages divided among their users. */
  memory(): Map<string, number> {
    const sizes = new Map<string, number>();
    for (const process of processTree(this.child.pid)) {
      const role = roleOf(process);
      if (role !== null) sizes.set(`${role} ${process.pid}`, memoryBytes(process.pid, "divided"));
    }
    return sizes;
  }

  /** Stops as Ctrl-C does, and waits until everything is gone. */
  async stop(): Promise<void> {
    const parts = processTree(this.child.pid).filter((process) => roleOf(process) !== null);
    if (isAlive(this.child.pid)) signal(this.child.pid, "SIGTERM");
    try {
      await until("Sallyport stops", () => !parts.some(({ pid }) => isAlive(pid)), { timeoutMs: 20_000 });
    } finally {
      for (const { pid } of parts) signal(pid, "SIGKILL");
      await this.child.status;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (Deno.env.has("SALLYPORT_TEST_LOGS")) console.log(this.logs());
    await Deno.remove(this.state, { recursive: true });
  }
}

/** Starts the product; see {@link Sallyport.start}. */
export function startSallyport(options: SallyportOptions = {}): Promise<Sallyport> {
  return Sallyport.start(options);
}

/** JSON is YAML, and the kit has no opinion on looks. */
async function configText(
  state: string,
  port: number,
  key: string,
  { stack, addresses = ["127.0.0.1"], config = {}, traits = {} }: SallyportOptions,
): Promise<string> {
  const text = stack === undefined ? await creatingStack(state) : stack;
  if (text !== null) await writeStack(state, text);
  const own: Record<string, unknown> = {
    gateway: {
      listen: addresses.map((address) => `${address}:${port}`),
      host_keys: ["ssh_host_ed25519_key"],
      identity: "gateway.identity",
      nkey: "gateway.nkey",
      trust: "trust",
      revocations: "gateway.revocations",
      host: "local",
    },
    host: {
      name: "local",
      identity: "host.identity",
      nkey: "host.nkey",
      trust: "trust",
      revocations: "host.revocations",
      run_dir: "run",
      pam_confdir: "pam.d",
    },
    broker: { listen: `127.0.0.1:${freePort()}`, identities: "broker.identities" },
    users: [{ name: "tester", keys: [key], roles: ["all"], traits }],
    roles: { all: { logins: ["*"] } },
    log: { level: "debug", format: "json" },
    ssh_service: { pam: { enabled: stack === null ? "no" : "yes", service_name: "test" } },
  };
  const broker = own.broker as Settings;
  own.bus = { servers: [`nats://${broker.listen}`] };
  for (const [section, keys] of Object.entries(config)) {
    if (keys === null) {
      delete own[section];
      continue;
    }
    own[section] = Array.isArray(keys) ? keys : { ...(own[section] as Settings | undefined), ...keys };
  }
  return JSON.stringify(own, null, 2);
}
