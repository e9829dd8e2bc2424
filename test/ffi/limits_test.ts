import assert from "node:assert/strict";
import { getLimit, UNLIMITED } from "../../ffi/limits.ts";
import { inOwnProcess, resultOf } from "./own_process.ts";

Deno.test("getLimit() agrees with /proc/self/limits", () => {
  const file = Deno.readTextFileSync("/proc/self/limits");
  const names = {
    nofile: "Max open files",
    nproc: "Max processes",
    stack: "Max stack size",
    core: "Max core file size",
  };
  for (const [resource, name] of Object.entries(names)) {
    const [soft, hard] = file.split("\n").find((line) => line.startsWith(name))!.slice(name.length).trim()
      .split(/\s+/);
    const value = (text?: string) => text === "unlimited" ? UNLIMITED : BigInt(text!);
    assert.deepEqual(
      getLimit(resource as keyof typeof names),
      { soft: value(soft), hard: value(hard) },
      resource,
    );
  }
});

Deno.test("setLimit() sets soft and hard limit of the process and its children", async () => {
  const { stdout, value } = await inOwnProcess((ffi) => {
    ffi.setLimit("nofile", 123n, 456n);
    const argv = ["sh", "-c", "ulimit -Sn; ulimit -Hn"];
    ffi.waitChild(
      ffi.spawn({
        path: "/bin/sh",
        argv,
        environment: [],
        stdio: { descriptors: [0, 1, 2] },
        newSession: false,
      }),
    );
    const { soft, hard } = ffi.getLimit("nofile");
    return [String(soft), String(hard)];
  }, null);
  assert.deepEqual(value, ["123", "456"]);
  assert.equal(stdout, "123\n456\n");
});

Deno.test("setLimit() throws EINVAL for a soft limit above the hard one", async () => {
  const errnoName = await resultOf((ffi) => {
    try {
      ffi.setLimit("nofile", 10n, 5n);
    } catch (error) {
      return (error as { errnoName: string }).errnoName;
    }
  }, null);
  assert.equal(errnoName, "EINVAL");
});

Deno.test("setUmask() sets the mask and returns the one before", async () => {
  assert.deepEqual(await resultOf((ffi) => [ffi.setUmask(0o27), ffi.setUmask(0o77)][1], null), 0o27);
});
