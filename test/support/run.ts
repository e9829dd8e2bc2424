/**
 * `deno task test [--soak] [FILE…]`: installs what the tests need, then runs them inside namespaces of their own.
 *
 * Unit tests run side by side, end-to-end tests one after the other. The last line is `N passed, N failed`.
 */

import { inNamespace, runInNamespace } from "./namespace.ts";
import { denoTest, type Outcome } from "./outcome.ts";
import { installDebianPackages } from "./packages.ts";

const root = new URL("../..", import.meta.url).pathname;
/** The whole of `task test` has to be done in 15 minutes; soaking may take an hour. */
const deadlineMs = { test: 14 * 60_000, soak: 60 * 60_000 };

const endToEnd = /(^|\/)test\/(e2e|soak)(\/|$)/;

async function outside(args: string[]): Promise<number> {
  installDebianPackages();
  // There is no network inside: all modules must be in the cache before.
  const cached = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet"],
    cwd: root,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!cached.success) console.error(new TextDecoder().decode(cached.stderr));
  return await runInNamespace([Deno.execPath(), "run", "-A", import.meta.filename!, ...args]);
}

async function inside(args: string[]): Promise<number> {
  Deno.chdir(root);
  const soak = args.includes("--soak");
  const paths = args.filter((arg) => !arg.startsWith("--"));
  const limit = { deadlineMs: soak ? deadlineMs.soak : deadlineMs.test };
  const runs: string[][] = [];
  const flags = args.filter((arg) => arg.startsWith("--") && arg !== "--soak");
  if (soak) runs.push([...flags, ...(paths.length > 0 ? paths : ["test/soak"])]);
  else if (paths.length === 0) {
    runs.push([...flags, "--parallel", "--ignore=test/e2e,test/soak", "test"], [...flags, "test/e2e"]);
  } else {
    const units = paths.filter((path) => !endToEnd.test(path));
    const ends = paths.filter((path) => endToEnd.test(path));
    if (units.length > 0) runs.push([...flags, ...units]);
    if (ends.length > 0) runs.push([...flags, ...ends]);
  }
  const total: Outcome = { passed: 0, failed: 0 };
  for (const run of runs) {
    const { passed, failed } = await denoTest(run, limit);
    total.passed += passed;
    total.failed += failed;
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await (inNamespace() ? inside(Deno.args) : outside(Deno.args)));
