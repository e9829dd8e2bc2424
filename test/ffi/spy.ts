/** Watching the calls into a real library, by putting a layer around the symbols that Deno.dlopen gives. */

// deno-lint-ignore no-explicit-any -- arguments and results are whatever the symbol's are
type Call = (...args: any[]) => any;

/**
 * Has `wrap` replace symbols of every library opened from now on; call it before the first use of the module under test.
 *
 * @param wrap Gets a symbol's name and the real function (`null` if the library has none); returns what callers get
 */
export function spyOn(wrap: (symbol: string, real: Call | null) => Call | null): void {
  const open = Deno.dlopen;
  Deno.dlopen = ((name: string, table: Deno.ForeignLibraryInterface) => {
    const { symbols, close } = open(name, table);
    const wrapped = Object.entries(symbols).map((
      [symbol, real],
    ) => [symbol, wrap(symbol, real as Call | null)]);
    return { symbols: Object.fromEntries(wrapped), close };
  }) as typeof Deno.dlopen;
}
