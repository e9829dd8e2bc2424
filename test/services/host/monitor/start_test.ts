import assert from "node:assert/strict";
import { run } from "../../../support/command.ts";

Deno.test("a process is watched to its end even when there is no descriptor for it", async () => {
  const stranger = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  const program = new URL("starved_watch.ts", import.meta.url).pathname;
  const watching = run([Deno.execPath(), "run", "-A", "--quiet", program, String(stranger.pid)]);
  await stranger.status;
  const { stdout, stderr } = await watching;
  assert.deepEqual(
    stdout.trim().split("\n").toSorted(),
    ['child {"code":5}', "EMFILE", "stranger"].toSorted(),
    stderr,
  );
});
