import assert from "node:assert/strict";
import { startTimeOf } from "../../../../ffi/proc_file.ts";
import { Journal } from "../../../../services/host/monitor/journal.ts";
import { until } from "../../../support/wait.ts";

const lease = "0123456789abcdef0123456789abcdef";

function withFolder(use: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("Journal.leases() is empty when there is no folder, and names whole entries only", () => {
  withFolder((folder) => {
    const journal = new Journal(folder);
    assert.deepEqual(journal.leases(), []);
    Deno.mkdirSync(`${folder}/leases`);
    for (const name of [`${lease}.json`, `${lease}.json.new`, "README", "..json"]) {
      Deno.writeTextFileSync(`${folder}/leases/${name}`, "{}");
    }
    assert.deepEqual(journal.leases(), [lease]);
    assert.equal(journal.has(lease), true);
    assert.equal(journal.has(lease.replace("0", "f")), false);
  });
});

Deno.test("Journal.owner() gives the process of an entry, or null when it cannot be read", () => {
  withFolder((folder) => {
    const journal = new Journal(folder);
    Deno.mkdirSync(`${folder}/leases`);
    const write = (text: string) => Deno.writeTextFileSync(`${folder}/leases/${lease}.json`, text);
    write(JSON.stringify({ state: "opened", pid: 12, startTime: 34, login: "x" }));
    assert.deepEqual(journal.owner(lease), { pid: 12, startTime: 34, login: "x" });
    for (const text of ["", "[]", '{"pid":0,"startTime":1}', '{"pid":1}']) {
      write(text);
      assert.equal(journal.owner(lease), null);
    }
  });
});

Deno.test("startTimeOf() tells processes apart, whatever they are called", async () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/a ) b (c`;
  Deno.symlinkSync("/usr/bin/sleep", path);
  using child = new AutoKilled(path);
  const before = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
  const ticksPerSecond = 100;
  const startTime = await until("the process to have its name", () => {
    const named = Deno.readTextFileSync(`/proc/${child.pid}/stat`).includes("(a ) b (c)");
    return named && startTimeOf(child.pid);
  });
  assert.ok(Math.abs(startTime / ticksPerSecond - before) < 5, `${startTime} ticks, up ${before} s`);
  assert.equal(startTimeOf(0x7fff_ffff), null);
  Deno.removeSync(folder, { recursive: true });
});

class AutoKilled implements Disposable {
  readonly #child: Deno.ChildProcess;
  constructor(path: string) {
    this.#child = new Deno.Command(path, { args: ["1000"] }).spawn();
  }
  get pid(): number {
    return this.#child.pid;
  }
  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
    this.#child.unref();
  }
}
