/** Whether an address can be listened on, asked before anything is started. */

import type { ListenAddress } from "../../../shared/config/gateway_settings.ts";

export function isFree(address: ListenAddress): boolean {
  try {
    Deno.listen(address).close();
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) return false;
    throw cause;
  }
}
