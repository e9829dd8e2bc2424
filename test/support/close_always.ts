/**
 * Leases that end in every way there is, and the account of what their modules saw.
 *
 * Each attempt at a lease has a login of its own, whose name tells the stack's script what to do: `…slow` takes its time in every
 * step, `…fail` refuses to open the session, `…failslow` takes its time after that to delete the credentials. Modules write one line a step into a tally: step, login, calling process.
 */

import { makeBareAccounts } from "./logins.ts";
import { makeModule } from "./modules.ts";
import { isAlive, signal } from "./processes.ts";
import { type Role, type Sallyport, startSallyport } from "./sallyport.ts";
import { writeScript } from "./stacks.ts";
import { span, until } from "./wait.ts";

/** How a lease ends. `worker:` is SIGKILL for the worker in that step. */
const endings = [
  ...["exit", "exit", "exit", "signal", "open fails", "open fails"],
  ...["client killed", "client killed", "terminal killed", "client killed early"],
  ...["worker: account", "worker: open_session", "worker: open_session"],
  ...["worker: delete", "worker: delete"],
  ...["worker: opened", "worker: opened", "worker: close_session", "worker: close_session"],
] as const;
type Ending = typeof endings[number];

/** Parts that are killed on the way, in this order, while leases go on. */
const partsToKill = ["dispatcher", "monitor", "gateway", "broker"] as const satisfies Role[];
const atOnce = 8;
/** A part that was killed may keep an attempt from PAM; the next one waits until the service answers again. */
const maxAttempts = 5;
/** Logs in to see whether the service answers. */
const probe = "probe";
/** A kill comes up to this much after the step it waits for has begun; a slow step takes longer. */
const maxJitterMs = 60;
const slowSeconds = "0.2";

/** Counts pam_setcred, and pam_end by way of pam_set_data's cleanup function. */
const countingModule = `
extern int open(const char *, int, ...);
extern long write(int, const void *, unsigned long);
extern int getpid(void);
extern int usleep(unsigned);
extern char *strstr(const char *, const char *);
extern int pam_set_data(pam_handle_t *, const char *, void *, void (*)(pam_handle_t *, void *, int));
static char tally[256], user[64];
static void say(const char *what) {
  char line[400];
  int length = snprintf(line, sizeof line, "%s %s %d\\n", what, user, getpid());
  int fd = open(tally, 02001);
  write(fd, line, length);
  close(fd);
}
static void end(pam_handle_t *pamh, void *data, int status) { if (!(status & 0x20000000)) say("pam_end"); }
int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) { return PAM_SUCCESS; }
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) {
  const void *name;
  pam_get_item(pamh, PAM_USER, &name);
  snprintf(user, sizeof user, "%s", (const char *) name);
  snprintf(tally, sizeof tally, "%s", argv[0]);
  pam_set_data(pamh, "counting", tally, end);
  say(flags & 2 ? "establish" : "delete");
  if (!(flags & 2) && strstr(user, "failslow")) usleep(200000);
  return PAM_SUCCESS;
}
`;

function script(tally: string): string {
  return `#!/bin/sh
say() { echo "$1 $PAM_USER $PPID" >> ${tally}; }
say $PAM_TYPE
case $PAM_USER in *failslow) ;; *slow) sleep ${slowSeconds} ;; esac
say $PAM_TYPE-done
case $PAM_TYPE$PAM_USER in open_session*fail*) exit 1 ;; esac
`;
}

interface Line {
  step: string;
  pid: number;
}

/** What the modules have written so far, by login. */
class Tally {
  readonly #lines = new Map<string, Line[]>();
  #read = 0;
  #rest = "";

  constructor(readonly file: string) {
    Deno.writeTextFileSync(file, "");
  }

  of(login: string): Line[] {
    this.#readOn();
    return this.#lines.get(login) ?? [];
  }

  #readOn(): void {
    using file = Deno.openSync(this.file);
    file.seekSync(this.#read, Deno.SeekMode.Start);
    const buffer = new Uint8Array(65_536);
    for (let length = file.readSync(buffer); length !== null; length = file.readSync(buffer)) {
      this.#read += length;
      this.#rest += new TextDecoder().decode(buffer.subarray(0, length));
    }
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [step, login, pid] = line.split(" ");
      const known = this.#lines.get(login!) ?? [];
      known.push({ step: step!, pid: Number(pid) });
      this.#lines.set(login!, known);
    }
  }
}

/** Numbers from 0 to below 1 that a seed repeats (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Plan {
  /** One for each attempt. */
  logins: string[];
  ending: Ending;
  jitterMs: number;
}

function planOf(index: number, random: () => number): Plan {
  const ending = endings[Math.floor(random() * endings.length)]!;
  const slow = /:|early/.test(ending) || random() < 0.2 ? "slow" : "";
  const fail = isRefused(ending) ? "fail" : "";
  const pace = ending === "open fails" ? fail : `${fail}${slow}`;
  const logins = Array.from({ length: maxAttempts }, (_, attempt) => `k${index}x${attempt}${pace}`);
  return { logins, ending, jitterMs: random() * maxJitterMs };
}

interface Attempt {
  login: string;
  ending: Ending;
}

/** Whether the stack does not let the session be opened. */
function isRefused(ending: Ending): boolean {
  return ending === "open fails" || ending === "worker: delete";
}

/** What became of the leases; see {@link closeAlways}. */
export interface Account {
  leases: number;
  opened: number;
  closed: number;
  /** Leases closed a second time, because their worker was killed while it closed them. */
  closedAgain: number;
  /** Sentences about leases that were not treated as they should have been. */
  faults: string[];
  /** What the service said. */
  logs: string;
}

class Run {
  /** Also 1: a script whose caller was killed before the script's first word is a child of init. */
  readonly killed = new Set([1]);

  constructor(readonly sallyport: Sallyport, readonly tally: Tally) {}

  /** Makes one lease and ends it as planned. */
  async live(plan: Plan): Promise<void> {
    for (const login of plan.logins) {
      await this.#try(login, plan);
      if (this.tally.of(login).length > 0) return;
      const answers = async () => (await this.sallyport.ssh(probe, "true")).code === 0;
      await until("the service answers again", answers, { timeoutMs: 60_000, everyMs: 300 });
    }
    throw new Error(`None of ${plan.logins.join(", ")} has reached PAM`);
  }

  async #try(login: string, { ending, jitterMs }: Plan): Promise<void> {
    const commands: Partial<Record<Ending, string>> = { exit: "exit 3", signal: "kill -9 $$" };
    const command = commands[ending] ??
      (ending === "worker: close_session" ? "echo up" : "echo up; exec cat");
    const client = this.sallyport.spawn(login, command, ending === "terminal killed" ? ["-tt"] : []);
    const isUp = client.stdout.getReader().read().then(() => {});
    const hasEnded = client.status.then(() => true);
    const killClient = () => signal(client.pid, "SIGKILL");
    switch (ending) {
      case "client killed":
      case "terminal killed":
        await isUp;
        await span(jitterMs);
        killClient();
        break;
      case "client killed early":
        await this.#step(login, "account", hasEnded);
        await span(jitterMs);
        killClient();
        break;
      case "worker: opened":
        await isUp;
        await span(jitterMs);
        this.#killWorker(login, "open_session");
        break;
      case "worker: account":
      case "worker: open_session":
      case "worker: delete":
      case "worker: close_session": {
        const step = ending.replace("worker: ", "");
        if (await this.#step(login, step, step === "close_session" ? null : hasEnded)) {
          await span(jitterMs);
          this.#killWorker(login, step);
        }
        break;
      }
    }
    await client.status;
    await client.stdin.close().catch(() => {});
    await client.stderr.cancel();
  }

  /** Waits for a step of a login. @returns `false` if the client has ended, or nothing comes, without it */
  async #step(login: string, step: string, hasEnded: Promise<boolean> | null): Promise<boolean> {
    let ended = false;
    hasEnded?.then(() => ended = true);
    const has = () => this.tally.of(login).some((line) => line.step === step);
    // A lease that never opens never closes: then the client's end is all there is to wait for.
    await until(`${step} of ${login}`, () => has() || ended, { everyMs: 5, timeoutMs: 5_000 }).catch(
      () => {},
    );
    return has();
  }

  #killWorker(login: string, step: string): void {
    const pid = this.tally.of(login).find((line) => line.step === step)?.pid;
    if (pid === undefined || !isAlive(pid)) return;
    this.killed.add(pid);
    signal(pid, "SIGKILL");
  }

  async killPart(role: typeof partsToKill[number]): Promise<void> {
    const victims = this.sallyport.processes(role).map(({ pid }) => pid);
    for (const pid of victims) signal(pid, "SIGKILL");
    const others = () => this.sallyport.processes(role).some(({ pid }) => !victims.includes(pid));
    await until(`another ${role}`, others, { timeoutMs: 60_000, everyMs: 100 });
  }

  /** What is wrong with the steps of one attempt. */
  *faults({ login, ending }: Attempt): Generator<string> {
    const lines = this.tally.of(login);
    const count = (step: string, killed?: boolean) =>
      lines.filter((line) =>
        line.step === step && (killed === undefined || this.killed.has(line.pid) === killed)
      ).length;
    const isKilled = lines.some(({ pid }) => this.killed.has(pid));
    const opens = count("open_session");
    const closes = count("close_session");
    // When the dispatcher dies before the gateway has its answer, the gateway asks again: another lease, another worker.
    const workers = new Set(lines.filter(({ step }) => step === "open_session").map(({ pid }) => pid)).size;
    if (opens > workers) yield `${opens} openings by ${workers} workers`;
    if (workers > 2) yield `${workers} leases for one login`;
    if (closes > 0 && (isRefused(ending) || (opens === 0 && !isKilled))) {
      yield `${closes} closings of a session that was never open`;
    }
    if (!isRefused(ending) && opens > 0) {
      const finished = count("close_session", false);
      const interrupted = count("close_session", true);
      if (finished + interrupted < opens) yield `${opens} opened, ${finished + interrupted} closed`;
      if (finished > opens) yield `${opens} opened, closed ${finished} times`;
      if (interrupted > opens) yield `${interrupted} closings by killed processes`;
    }
    const established = count("establish");
    if (count("delete") < established) yield "credentials never deleted";
    if (count("delete", false) > Math.max(1, established)) {
      yield `credentials deleted ${count("delete", false)} times`;
    }
    const callers = new Set(
      lines.filter(({ step }) => step === "establish" || step === "delete").map(({ pid }) => pid),
    );
    for (const pid of callers) {
      const ends = lines.filter((line) => line.step === "pam_end" && line.pid === pid).length;
      if (!this.killed.has(pid) && ends !== 1) yield `${ends} calls of pam_end by process ${pid}`;
    }
  }
}

/**
 * Has `count` leases live and end, several at once, with parts of the service killed on the way `rounds` times each.
 *
 * @param seed Repeats the plan; what meets what in time is never the same
 */
export async function closeAlways(count: number, rounds: number, seed: number): Promise<Account> {
  const folder = await Deno.makeTempDir({ prefix: "close-" });
  const tally = new Tally(`${folder}/tally`);
  const module = await makeModule(folder, "counting", countingModule);
  const exec = `pam_exec.so quiet ${await writeScript(folder, "count", script(tally.file))}`;
  const stack = `auth required ${module} ${tally.file}\naccount required ${exec}\nsession required ${exec}\n`;
  const random = generator(seed);
  const plans = Array.from({ length: count }, (_, index) => planOf(index, random));
  await makeBareAccounts([probe, ...plans.flatMap(({ logins }) => logins)]);
  const sallyport = await startSallyport({
    stack,
    config: { host: { hangup_grace: 1 }, bus: { session_timeout: 10 } },
  });
  const run = new Run(sallyport, tally);
  let logs: string;
  try {
    const kills = Array.from({ length: rounds }, () => partsToKill).flat();
    const between = Math.floor(count / (kills.length + 1));
    const waiting = [...plans.entries()];
    const killings: Promise<void>[] = [];
    const lane = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [index, plan] = next;
        const part = index % between === between - 1 ? kills.shift() : undefined;
        if (part) killings.push(run.killPart(part));
        await run.live(plan);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    await Promise.all(killings);
    await until("no lease is left", async () => await sallyport.leases() === 0, { timeoutMs: 60_000 });
  } catch (cause) {
    const left = (await sallyport.journals()).map(({ lease, pid }) => `lease ${lease} of process ${pid}`);
    throw new Error(`${left.join(", ") || "no lease"} left; the service said:\n${sallyport.logs()}`, {
      cause,
    });
  } finally {
    await sallyport.stop();
    logs = sallyport.logs();
    await sallyport[Symbol.asyncDispose]();
  }
  const attempts = plans.flatMap(({ logins, ending }) => logins.map((login) => ({ login, ending })));
  const faults = attempts.flatMap((attempt) =>
    [...run.faults(attempt)].map((fault) =>
      `${attempt.login} (${attempt.ending}): ${fault}; ${JSON.stringify(tally.of(attempt.login))}`
    )
  );
  const opened = attempts.filter(({ login, ending }) =>
    !isRefused(ending) && tally.of(login).some(({ step }) => step === "open_session")
  );
  const closings = opened.map(({ login }) =>
    tally.of(login).filter(({ step }) => step === "close_session").length
  );
  const account = {
    leases: count,
    opened: opened.length,
    closed: closings.filter((times) => times > 0).length,
    closedAgain: closings.filter((times) => times > 1).length,
    faults,
    logs,
  };
  await Deno.remove(folder, { recursive: true });
  return account;
}
