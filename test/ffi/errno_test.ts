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
