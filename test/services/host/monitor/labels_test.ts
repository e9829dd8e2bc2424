import assert from "node:assert/strict";
import { HostLabels } from "../../../../services/host/monitor/labels.ts";
import { Loop } from "../../../../services/host/monitor/loop.ts";
import type { LabelCommand } from "../../../../shared/config/host_settings.ts";
import type { Labels } from "../../../../shared/protocol/lease.ts";

const uid = 64_124;

/** Runs the commands until `isDone`, and returns the labels and what was logged. */
function find(
  commands: Record<string, string[]>,
  isDone: (labels: Labels, warnings: string[]) => boolean,
  intervalMs = 60_000,
): { labels: Labels; warnings: string[] } {
  const loop = new Loop();
  const warnings: string[] = [];
  const labelCommands: Record<string, LabelCommand> = Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [name, { command, intervalMs }]),
  );
  const stopWhenDone = () => isDone(labels.all, warnings) && loop.stop();
  const labels = new HostLabels({
    loop,
    settings: { labels: { env: "prod" }, labelCommands, labelUid: uid },
    log: (_level, _message, properties) => {
      warnings.push(`${properties?.name}: ${properties?.cause}`);
      stopWhenDone();
    },
    onChange: stopWhenDone,
  });
  loop.after(20_000, () => loop.stop());
  labels.start();
  loop.run();
  return { labels: { ...labels.all }, warnings };
}

const shell = (text: string) => ["/bin/sh", "-c", text];

Deno.test("a label's value is the first line its command prints, as a user of its own with nothing of ours", () => {
  const { labels } = find({
    who: shell("id -u; echo more"),
    groups: shell("id -G"),
    files: shell("ls /proc/self/fd | tr '\\n' ' '"),
    leader: shell('[ "$(cut -d" " -f6 /proc/self/stat)" = $$ ] && echo yes'),
    variables: shell("env | cut -d= -f1 | grep -v _ | sort | tr '\\n' ' '"),
  }, (labels) => Object.keys(labels).length === 6);
  assert.deepEqual(labels, {
    env: "prod",
    who: String(uid),
    groups: String(uid),
    // ls has the folder open as well.
    files: "0 1 2 3",
    leader: "yes",
    variables: "PATH PWD",
  });
});

Deno.test("a command that fails, prints no label, or is not there gives no label and one line of the log", () => {
  const { labels, warnings } = find({
    failing: shell("echo web; exit 3"),
    killed: shell("kill -9 $$"),
    empty: shell("true"),
    parted: shell("echo a,b"),
    missing: ["/nonexistent/program"],
    flood: shell("exec cat /dev/zero"),
  }, (_labels, warnings) => warnings.length === 6);
  assert.deepEqual(labels, { env: "prod" });
  assert.deepEqual(warnings.map((line) => line.split(":")[0]).sort(), [
    ...["empty", "failing", "flood", "killed", "missing", "parted"],
  ]);
});

Deno.test("a command that has said all and goes on costs no processor time meanwhile", () => {
  const used = () => Deno.readTextFileSync("/proc/self/stat").split(" ").slice(13, 15).map(Number);
  const before = used();
  const { labels } = find(
    { early: shell("echo done; exec >&- 2>&-; sleep 1.5") },
    (labels) => labels.early === "done",
  );
  assert.deepEqual(labels, { env: "prod", early: "done" });
  const ticks = used().reduce((sum, value, index) => sum + value - before[index]!, 0);
  // A tick is 10 ms (proc(5), CLK_TCK).
  assert.ok(ticks < 20, `${ticks} ticks`);
});

Deno.test("a command that hangs is killed with all it has started, and a label of before is gone", () => {
  const flag = Deno.makeTempFileSync();
  Deno.chmodSync(flag, 0o666);
  const script = `if [ -s ${flag} ]; then sleep 987654 & wait; fi; echo 1 > ${flag}; echo good`;
  let wasGood = false;
  const { labels } = find({ state: shell(script) }, (labels) => {
    wasGood ||= labels.state === "good";
    return wasGood && labels.state === undefined;
  }, 500);
  assert.deepEqual([wasGood, labels], [true, { env: "prod" }]);
  const left = new Deno.Command("ps", { args: ["-eo", "args"] }).outputSync();
  assert.equal(new TextDecoder().decode(left.stdout).includes("sleep 987654"), false);
  Deno.removeSync(flag);
});
