/** Sallyport beside Debian's sshd, both with one stack of /etc/pam.d: what one does the other must do. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { CommandResult } from "./command.ts";
import { type Sallyport, startSallyport } from "./sallyport.ts";
import { ssh, sshArguments, type SshOptions, type SshTarget } from "./ssh.ts";
import { type Sshd, sshdService, startSshd } from "./sshd.ts";
import { Terminal } from "./terminal.ts";

/** The same thing as seen through each of the two. */
export interface Both<T> {
  ours: T;
  theirs: T;
}

export interface PairOptions {
  /** Sallyport's service; sshd's cannot be chosen. @default {"sshd"} */
  service?: string;
  /** Whether PAM may ask, and admits those who have no key. @default {false} */
  asks?: boolean;
}

export interface Pair extends AsyncDisposable {
  readonly sallyport: Sallyport;
  readonly sshd: Sshd;
  /** Gives both another stack, from the next login on. */
  use(stack: string): Promise<void>;
  /** Runs a command as `login` through each, sshd first, one after the other. */
  run(login: string, command: string, options?: SshOptions): Promise<Both<CommandResult>>;
  /** Goes through a whole story with each, both at once. */
  both<T>(story: (target: SshTarget) => Promise<T>): Promise<Both<T>>;
  /** Runs it through each, and gives the output if both say the same. @throws If they differ, or say nothing */
  same(login: string, command: string, options?: SshOptions): Promise<string>;
  /** The screen of a person who logs in to one of the two; see {@link screens}. */
  screen(target: SshTarget, login: string, command: string, options?: string[]): Promise<string>;
  /** A person's screens after `login` has got a shell, typed `command` (which is to end it) and has left. */
  screens(login: string, command: string, options?: string[]): Promise<Both<string>>;
}

/**
 * Starts both.
 *
 * @param stack Text for /etc/pam.d/sshd, or `null` for what is there
 */
export async function startPair(stack: string | null, options: PairOptions = {}): Promise<Pair> {
  const { service = "sshd", asks = false } = options;
  await using started = new AsyncDisposableStack();
  const sshd = started.use(await startSshd(stack, { ListenAddress: "*" }));
  const sallyport = started.use(
    await startSallyport({
      addresses: ["127.0.0.1", "[::1]"],
      stack: null,
      config: {
        host: { pam_confdir: null },
        ssh_service: { pam: { enabled: "yes", service_name: service, use_pam_auth: asks } },
        ...(asks && { pam_logins: { "*": ["all"] } }),
      },
    }),
  );
  const kept = started.move();

  const run: Pair["run"] = async (login, command, options) => {
    const through = (target: SshTarget) => ssh(target, login, command, options);
    return { theirs: await through(sshd), ours: await through(sallyport) };
  };
  const screen: Pair["screen"] = async (target, login, command, options = []) => {
    const argv = sshArguments(target, login, ["-t", ...options], []);
    await using terminal = await Terminal.start(argv, { columns: 120, rows: 50 });
    await terminal.sees(/\$ $/m);
    await terminal.enter(command);
    await terminal.exitCode();
    return (await terminal.screen())
      // tmux has the last word, at the bottom.
      .replace(/Pane is dead.*\s*$/, "")
      // sshd is told not to say it here (PrintLastLog), pam_lastlog says it otherwise, and login_records_test.ts compares.
      .replaceAll(/^Last login: (?!.* on \S+$).*\n/gm, "")
      .trimEnd();
  };
  return {
    sallyport,
    sshd,
    use: (stack) => Deno.writeTextFile(sshdService, stack),
    run,
    async both(story) {
      const [theirs, ours] = await Promise.all([story(sshd), story(sallyport)]);
      return { theirs, ours };
    },
    async same(login, command, options) {
      const { ours, theirs } = await run(login, command, options);
      const essence = ({ code, stdout, stderr }: CommandResult) => ({ code, stdout, stderr });
      deepStrictEqual(essence(ours), essence(theirs), "Sallyport (actual) differs from sshd (expected)");
      if (theirs.code !== 0 || theirs.stdout === "") throw new Error(`Nothing to compare: ${theirs.stderr}`);
      return ours.stdout;
    },
    screen,
    async screens(login, command, options) {
      const theirs = await screen(sshd, login, command, options);
      return { theirs, ours: await screen(sallyport, login, command, options) };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** What both screens show, which has to be the same but for when and on which terminal the last login was. */
export function sameScreen({ ours, theirs }: Both<string>): string {
  strictEqual(timeless(ours), timeless(theirs), "Sallyport (actual) differs from sshd (expected)");
  return ours;
}

function timeless(screen: string): string {
  return screen.replaceAll(
    /^Last login: .* from (\S+)( on \S+)?$/gm,
    (_, host, tty) => `Last login: WHEN from ${host}${tty ? " on TTY" : ""}`,
  );
}
