/** A person at a terminal: tmux is the terminal, the tests type and read the screen. */

import { run } from "./command.ts";
import { until, type WaitOptions } from "./wait.ts";

export interface TerminalOptions {
  /** @default {80} */
  columns?: number;
  /** @default {24} */
  rows?: number;
}

/** One program in one terminal of its own. */
export class Terminal implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Starts `argv` and returns at once. */
  static async start(argv: string[], options: TerminalOptions = {}): Promise<Terminal> {
    const { columns = 80, rows = 24 } = options;
    const terminal = new Terminal(await Deno.makeTempFile({ prefix: "tmux-" }));
    await terminal.#tmux("start-server", ";", "set", "-g", "remain-on-exit", "on", ";", "new-session", ...[
      ...["-d", "-x", String(columns), "-y", String(rows)],
      ...["env", "-u", "TMUX", "TERM=xterm-256color", ...argv],
    ]);
    return terminal;
  }

  async #tmux(...args: string[]): Promise<string> {
    const env = { TERM: "xterm-256color", LANG: "C.UTF-8" };
    const result = await run(["tmux", "-S", `${this.#socket}.s`, "-f", "/dev/null", ...args], { env });
    if (result.code !== 0) throw new Error(`tmux ${args[0]}: ${result.stderr}`);
    return result.stdout;
  }

  /** Types text as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", "--", text);
  }

  /** Presses keys by tmux's names, such as `C-c` or `Enter`. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Types a line and presses Enter. */
  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  /** The screen and what has scrolled away above it. */
  async screen(): Promise<string> {
    return await this.#tmux("capture-pane", "-p", "-J", "-S", "-2000");
  }

  /** What is visible now. */
  async visible(): Promise<string> {
    return await this.#tmux("capture-pane", "-p");
  }

  /** Waits until the screen shows `pattern`. */
  async sees(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    let last = "";
    try {
      return await until(`the terminal shows ${pattern}`, async () => {
        last = await this.screen();
        return pattern.exec(last);
      }, { everyMs: 50, ...options });
    } catch (cause) {
      throw new Error(`${(cause as Error).message}; the screen:\n${last.trimEnd()}`, { cause });
    }
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Waits for the program's end. @returns Its exit status */
  async exitCode(options: WaitOptions = {}): Promise<number> {
    const pid = await this.pid();
    const status = await until("the program in the terminal ends", async () => {
      const shown = (await this.#tmux("display", "-p", "#{pane_dead} #{pane_dead_status}")).trim();
      return /^1 (\d+)$/.exec(shown)?.[1] ?? (shown === "1" ? zombieStatus(pid) : null);
    }, { everyMs: 50, ...options });
    return Number(status);
  }

  /** The program's process. */
  async pid(): Promise<number> {
    return Number(await this.#tmux("display", "-p", "#{pane_pid}"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => {}); // Gone already.
    await Deno.remove(this.#socket).catch(() => {});
  }
}

/**
 * tmux 3.3a now and then misses that a program has ended, and leaves a zombie: its status is the last field of
 * /proc/PID/stat (proc_pid_stat(5)).
 */
function zombieStatus(pid: number): string | null {
  try {
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").trim().split(" ");
    return fields[0] === "Z" ? String(Number(fields.at(-1)) >> 8) : null;
  } catch {
    return null;
  }
}
