/** Accounts of the host's own making, for tests. */

import { Ledger, type LedgerEntry, writeLedger } from "../../services/host/worker/accounts/ledger.ts";
import type { AccountSettings } from "../../shared/config/host_settings.ts";
import { type Sallyport, startSallyport } from "./sallyport.ts";
import { run } from "./command.ts";
import { until } from "./wait.ts";

/** The settings of a host that makes no accounts. */
export const noAccounts: AccountSettings = {
  mode: "off",
  groups: [],
  shell: "/bin/bash",
  home: "/home",
  sudoers: [],
  uidRange: { min: 70_000, max: 99_999 },
  ledgerFile: "/var/lib/sallyport/accounts.json",
  sweepIntervalMs: 30_000,
};

/** Lets in whoever has an account, and makes none itself. */
const existingOnly = [
  "account required pam_unix.so",
  "session required pam_permit.so",
  "",
].join("\n");

export interface AccountsHost extends AsyncDisposable {
  sallyport: Sallyport;
  /** The ledger as it is on the disk now. */
  ledger(): { accounts: Record<string, LedgerEntry> };
  ledgerFile: string;
}

/** The product with `host.accounts`; its ledger is a new one unless `accounts` names one. */
export async function startWithAccounts(
  accounts: Record<string, unknown>,
  options: { stack?: string | null } = {},
): Promise<AccountsHost> {
  const folder = await Deno.makeTempDir({ prefix: "accounts-" });
  const ledgerFile = accounts.ledger as string | undefined ?? `${folder}/accounts.json`;
  // Without one the accounts of other tests would be taken in.
  if (accounts.ledger === undefined) writeLedger(ledgerFile, new Ledger());
  const sallyport = await startSallyport({
    stack: options.stack === undefined ? existingOnly : options.stack,
    config: {
      host: { hangup_grace: 1, accounts: { sweep_interval: 1, ...accounts, ledger: ledgerFile } },
    },
  });
  return {
    sallyport,
    ledgerFile,
    ledger: () => JSON.parse(Deno.readTextFileSync(ledgerFile)),
    async [Symbol.asyncDispose]() {
      await sallyport[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Waits for a line of the log that speaks of `login`. */
export async function sallyportLog(sallyport: Sallyport, pattern: RegExp, login: string): Promise<void> {
  const spoken = () =>
    sallyport.logs().split("\n").some((line) => pattern.test(line) && line.includes(login));
  await until(`the log says ${pattern} of ${login}`, spoken);
}

/** A connection that has no channel and so no process of the account. */
export async function makeSession(sallyport: Sallyport, login: string): Promise<AsyncDisposable> {
  const client = sallyport.spawn(login, "", ["-N"]);
  await sallyportLog(sallyport, /has logged in as/, login);
  return {
    async [Symbol.asyncDispose]() {
      client.kill("SIGTERM");
      await client.status;
      await Promise.all([
        client.stdout.cancel(),
        client.stderr.cancel(),
        client.stdin.close().catch(() => {}),
      ]);
    },
  };
}

/** Holds the lock that every program of shadow waits for before it writes /etc/passwd (lckpwdf(3)). */
export function holdPasswordFiles(): Disposable {
  const libc = Deno.dlopen("libc.so.6", {
    // int lckpwdf(void) <shadow.h>
    lckpwdf: { parameters: [], result: "i32" },
    // int ulckpwdf(void) <shadow.h>
    ulckpwdf: { parameters: [], result: "i32" },
  });
  if (libc.symbols.lckpwdf() !== 0) throw new Error("Cannot lock the password files");
  return {
    [Symbol.dispose]() {
      libc.symbols.ulckpwdf();
      libc.close();
    },
  };
}

/** Asks pwck(8) and grpck(8) about the account files. @throws {Error} With what they object to */
export async function requireIntactFiles(): Promise<void> {
  // Read-only they take no lock themselves, and would find a userdel(8) halfway.
  using _held = holdPasswordFiles();
  for (const check of ["pwck", "grpck"]) {
    const { code, stdout, stderr } = await run([check, "-r"]);
    // Debian's own system accounts have homes that are not there, which pwck(8) mentions.
    const said = (stdout + stderr).split("\n").filter((line) => !/does not exist|no changes|^$/.test(line));
    if (said.length > 0 || (code !== 0 && check === "grpck")) throw new Error(`${check}: ${said.join("; ")}`);
  }
}
