import { deepStrictEqual, notStrictEqual } from "node:assert/strict";
import { runInNamespace } from "./namespace.ts";
import { allProcesses } from "./processes.ts";
import { until } from "./wait.ts";

/** Overlays stack two deep at most (FILESYSTEM_MAX_STACK_DEPTH of the kernel); a container's root may be one already. */
const ignore = / \/ overlay /.test(Deno.readTextFileSync("/proc/mounts"));

Deno.test("runInNamespace() gives exit code and output", { ignore }, async () => {
  let said = "";
  const decoder = new TextDecoder();
  const code = await runInNamespace(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"], {
    onOutput: (bytes) => said += decoder.decode(bytes),
  });
  deepStrictEqual([code, said], [7, "out\nerr\n"]);
});

Deno.test("runInNamespace() leaves nothing running when it is ended", { ignore }, async () => {
  const controller = new AbortController();
  const mark = `${Math.floor(1e6 + Math.random() * 1e6)}`;
  const running = () => allProcesses().filter(({ argv }) => argv.includes(mark));
  const ended = runInNamespace(["/bin/sh", "-c", `setsid sleep ${mark} & exec sleep ${mark}`], {
    onOutput: () => {},
    signal: controller.signal,
  });
  await until("it runs", () => running().length >= 2);
  controller.abort();
  notStrictEqual(await ended, 0);
  await until("nothing is left", () => running().length === 0);
});
