import assert from "node:assert/strict";
import { constants } from "node:os";
import { Errno, lastErrno, SystemError, unwrap } from "../../ffi/errno.ts";
import { C_LIBRARY, library } from "../../ffi/library.ts";

const libc = library(C_LIBRARY, {
  // int close(int fd) <unistd.h>
  close: { parameters: ["i32"], result: "i32" },
});

Deno.test("Errno has the numbers the system has", () => {
  for (const [name, value] of Object.entries(Errno)) {
    assert.equal(value, constants.errno[name as keyof typeof constants.errno], name);
  }
});

Deno.test("lastErrno() is that of the C call before", () => {
  assert.equal(libc().close(-1), -1);
  assert.equal(lastErrno(), Errno.EBADF);
});

Deno.test("unwrap() passes a result through, and turns a failure into the error errno names", () => {
  assert.equal(unwrap("close", 0), 0);
  assert.equal(unwrap("read", 7n), 7);
  assert.throws(() => unwrap("close", libc().close(-1)), (error: SystemError) => {
    assert.equal(error.message, "Cannot complete close: Bad file descriptor (EBADF)");
    assert.deepEqual([error.call, error.errno, error.errnoName], ["close", Errno.EBADF, "EBADF"]);
    return error instanceof SystemError;
  });
});

Deno.test("SystemError has a word for an errno without a name here", () => {
  assert.equal(new SystemError("read", 71).errnoName, "errno 71");
});

Deno.test("reading errno for the first time in a process opens no library, which would change it", async () => {
  // dlopen is counted from the call that fails on.
  const script = `
    import { C_LIBRARY, library } from "${import.meta.resolve("../../ffi/library.ts")}";
    import { lastErrno } from "${import.meta.resolve("../../ffi/errno.ts")}";
    const libc = library(C_LIBRARY, { close: { parameters: ["i32"], result: "i32" } });
    libc();
    let opened = 0;
    const dlopen = Deno.dlopen;
    Object.defineProperty(Deno, "dlopen", { value: (...all) => (opened++, dlopen(...all)) });
    libc().close(-1);
    console.log(lastErrno(), opened);
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `data:application/javascript,${encodeURIComponent(script)}`],
  }).output();
  assert.equal(new TextDecoder().decode(stdout), `${Errno.EBADF} 0\n`);
});
