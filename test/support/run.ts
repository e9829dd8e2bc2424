/**
 * `deno task test [--soak] [FILE…]`: installs what the tests need, then runs them inside namespaces of their own.
 *
 * Unit tests run side by side in one process; then end-to-end tests in two lanes, in each one after the other; then
 * those that must have the machine to themselves. Files named run one after the other. The last line is
 * `N passed, N failed`.
 */

import { lanesOf } from "./lanes.ts";
import { denoTest, type Outcome } from "./outcome.ts";
import { installDebianPackages } from "./packages.ts";

const root = new URL("../..", import.meta.url).pathname;
/** The whole of `task test` has to be done in 15 minutes; soaking may take an hour. */
const deadlineMs = { test: 14 * 60_000, soak: 60 * 60_000 };

const endToEnd = /(^|\/)test\/(e2e|soak)(\/|$)/;

/** There is no network inside: all modules must be in the cache before. */
async function cacheModules(): Promise<void> {
  const cached = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!cached.success) console.error(new TextDecoder().decode(cached.stderr));
}

/** Arguments of `deno test`: one stage after the other, the runs of a stage side by side. */
function stagesOf(args: string[]): string[][][] {
  const flags = args.filter((arg) => arg.startsWith("--") && arg !== "--soak");
  const paths = args.filter((arg) => !arg.startsWith("--"));
  const stages: string[][][] = [];
  if (args.includes("--soak")) stages.push([paths.length > 0 ? paths : ["test/soak"]]);
  else if (paths.length > 0) {
    stages.push([paths.filter((path) => !endToEnd.test(path))], [
      paths.filter((path) => endToEnd.test(path)),
    ]);
  } else {
    const names = Deno.readDirSync("test/e2e").map(({ name }) => name).filter((name) =>
      name.endsWith("_test.ts")
    );
    const { sideBySide, alone } = lanesOf(names.map((name) => `test/e2e/${name}`).toArray());
    stages.push([["--parallel", "--ignore=test/e2e,test/soak", "test"]], sideBySide, [alone]);
  }
  return stages.map((runs) => runs.filter((run) => run.length > 0).map((run) => [...flags, ...run]));
}

/** Runs of one stage: a single one is heard as it goes, others each as a whole when it has ended. */
async function runStage(runs: string[][], signal: AbortSignal): Promise<Outcome[]> {
  const write = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  };
  if (runs.length === 1) return [await denoTest(runs[0]!, { write, signal })];
  console.log(`Running ${runs.length} lanes; each is shown when it has ended`);
  return await Promise.all(runs.map(async (run) => {
    const said: Uint8Array[] = [];
    const outcome = await denoTest(run, { write: (bytes) => said.push(bytes), signal });
    said.forEach(write);
    return outcome;
  }));
}

/** Aborted when the run is interrupted or takes too long. */
function ending(afterMs: number): AbortSignal {
  const controller = new AbortController();
  const end = (why: string) => {
    if (!controller.signal.aborted) console.error(why);
    controller.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(name, () => end(`The tests were ended by ${name}`));
  }
  const late = `The tests ran longer than ${afterMs / 60_000} minutes and were ended`;
  Deno.unrefTimer(setTimeout(() => end(late), afterMs));
  return controller.signal;
}

async function main(args: string[]): Promise<number> {
  Deno.chdir(root);
  installDebianPackages();
  await cacheModules();
  const signal = ending(args.includes("--soak") ? deadlineMs.soak : deadlineMs.test);
  const total: Outcome = { passed: 0, failed: 0 };
  for (const stage of stagesOf(args)) {
    if (stage.length === 0 || signal.aborted) continue;
    for (const { passed, failed } of await runStage(stage, signal)) {
      total.passed += passed;
      total.failed += failed;
    }
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
