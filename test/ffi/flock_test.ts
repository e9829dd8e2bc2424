import assert from "node:assert/strict";
import { FileLock } from "../../ffi/flock.ts";
import { SystemError } from "../../ffi/errno.ts";
import { firstLines } from "../support/lines.ts";

function withFile(use: (path: string) => void): void {
  const folder = Deno.makeTempDirSync();
  use(`${folder}/lock`);
  Deno.removeSync(folder, { recursive: true });
}

Deno.test("FileLock is shared by many or exclusive to one, and free once disposed", () => {
  withFile((path) => {
    {
      using one = FileLock.wait(path, "shared");
      using two = FileLock.attempt(path, "shared");
      assert.ok(one && two);
      assert.equal(FileLock.attempt(path, "exclusive"), null);
    }
    const exclusive = FileLock.attempt(path, "exclusive");
    assert.ok(exclusive);
    assert.equal(FileLock.attempt(path, "shared"), null);
    exclusive[Symbol.dispose]();
    exclusive[Symbol.dispose]();
    FileLock.wait(path, "exclusive")[Symbol.dispose]();
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  });
});

Deno.test("FileLock.wait() waits until the holder's process is gone", async () => {
  const path = Deno.makeTempFileSync();
  const holder = new Deno.Command("flock", {
    args: [path, "sh", "-c", "echo held; sleep 0.3"],
    stdout: "piped",
  }).spawn();
  await firstLines(holder.stdout, 1);
  assert.equal(FileLock.attempt(path, "exclusive"), null);
  FileLock.wait(path, "exclusive")[Symbol.dispose]();
  assert.ok((await holder.status).success);
  Deno.removeSync(path);
});

Deno.test("FileLock says why a file cannot be had", () => {
  assert.throws(() => FileLock.wait("/nowhere/lock", "shared"), SystemError);
});
