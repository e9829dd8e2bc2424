import assert from "node:assert/strict";
import { namesIn } from "../../ffi/directory.ts";
import { SystemError } from "../../ffi/errno.ts";

Deno.test("namesIn() gives every name once, also of a folder that needs several reads", () => {
  const folder = Deno.makeTempDirSync();
  const names = Array.from({ length: 3_000 }, (_, index) => `ä ${index}`);
  for (const name of names) Deno.writeTextFileSync(`${folder}/${name}`, "");
  assert.deepEqual(namesIn(folder).sort(), names.sort());
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("namesIn() reads /proc", () => {
  assert.ok(namesIn("/proc").includes(String(Deno.pid)));
});

Deno.test("namesIn() says why a folder cannot be read", () => {
  assert.throws(() => namesIn("/nowhere"), SystemError);
  assert.throws(() => namesIn("/etc/passwd"), /ENOTDIR/);
});
