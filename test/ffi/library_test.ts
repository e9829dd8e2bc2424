import assert from "node:assert/strict";
import { C_LIBRARY, library, LibraryMissing } from "../../ffi/library.ts";

const getpid = { getpid: { parameters: [], result: "i32" } } as const;

Deno.test("library() opens the first library there is, on the first call, once", () => {
  // The very first one has the way to errno opened as well.
  library(C_LIBRARY, getpid)();
  const opened: string[] = [];
  const open = Deno.dlopen;
  Deno.dlopen = ((name: string, table: Deno.ForeignLibraryInterface) => {
    opened.push(name);
    return open(name, table);
  }) as typeof Deno.dlopen;
  try {
    const libc = library(["libnowhere.so.1", ...C_LIBRARY], getpid);
    assert.deepEqual(opened, []);
    assert.equal(libc().getpid(), Deno.pid);
    assert.equal(libc(), libc());
    assert.deepEqual(opened, ["libnowhere.so.1", ...C_LIBRARY]);
  } finally {
    Deno.dlopen = open;
  }
});

Deno.test("library() throws LibraryMissing with its cause when there is none, each time", () => {
  const nowhere = library(["libnowhere.so.1", "libnowhere.so"], getpid);
  for (let time = 0; time < 2; time++) {
    assert.throws(nowhere, (error: LibraryMissing) => {
      assert.equal(error.message, "Cannot open the shared library libnowhere.so.1");
      assert.equal(error.library, "libnowhere.so.1");
      assert.ok(error.cause instanceof Error);
      return error instanceof LibraryMissing;
    });
  }
});
