/** What a server says first. */

import type { ListenAddress } from "../../../shared/config/gateway_settings.ts";

const timeoutMs = 3_000;
const maxBytes = 65_536;

/** The first line a server sends, without its end; `null` when nobody answers in time. */
export async function firstLine(address: ListenAddress): Promise<string | null> {
  let connection: Deno.TcpConn | undefined;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection?.close();
  }, timeoutMs);
  try {
    connection = await Deno.connect(address);
    let text = "";
    const buffer = new Uint8Array(4_096);
    while (!text.includes("\n") && text.length < maxBytes) {
      const length = await connection.read(buffer);
      if (length === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, length));
    }
    return text.split("\r\n")[0]?.split("\n")[0] ?? null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    if (!late) connection?.close();
  }
}
