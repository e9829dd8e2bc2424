/** Opening shared libraries on first use, so that importing a module never loads anything. */

/** A shared library that this machine does not have; `doctor` explains what to install. */
export class LibraryMissing extends Error {
  override name = "LibraryMissing";
  constructor(readonly library: string, options?: ErrorOptions) {
    super(`Cannot open the shared library ${library}`, options);
  }
}

/**
 * Returns a function that opens the library the first time it is called and gives its symbols ever after.
 *
 * @param names Sonames to try in order, such as `libpam.so.0`
 * @throws {LibraryMissing} From the returned function, when none of the names can be opened
 */
export function library<const T extends Deno.ForeignLibraryInterface>(
  names: string[],
  table: T,
): () => Deno.DynamicLibrary<T>["symbols"] {
  let symbols: Deno.DynamicLibrary<T>["symbols"] | undefined;
  return () => {
    if (symbols) return symbols;
    let cause: unknown;
    for (const name of names) {
      try {
        symbols = Deno.dlopen(name, table).symbols;
        errno ??= openErrno();
        return symbols;
      } catch (error) {
        cause = error;
      }
    }
    throw new LibraryMissing(names[0] ?? "(unnamed)", { cause });
  };
}

/** Sonames of the C library. */
export const C_LIBRARY = ["libc.so.6"];

/**
 * Open, and called once, before any function of a library can fail: both take memory, and malloc(3) may change errno
 * although it succeeds (it looks for files under /sys that are not everywhere).
 */
let errno: ReturnType<typeof openErrno> | undefined;

function openErrno() {
  const { symbols } = Deno.dlopen(C_LIBRARY[0]!, {
    // int *__errno_location(void) <errno.h>
    __errno_location: { parameters: [], result: "pointer" },
  });
  symbols.__errno_location();
  return symbols;
}

/** Where errno of this thread is; `null` while no library has been opened. */
export function errnoLocation(): Deno.PointerValue {
  return errno === undefined ? null : errno.__errno_location();
}
