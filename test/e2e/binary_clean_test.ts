import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

Deno.test("random bytes arrive unchanged in both directions", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  const sent = randomBytes(8_000_003);
  const up = await sallyport.ssh(login, "tee copy | sha256sum", { stdin: sent });
  strictEqual(up.stdout, `${await sha256(sent)}  -\n`);
  const down = await sallyport.ssh(login, "cat copy");
  deepStrictEqual([down.code, await sha256(down.bytes)], [0, await sha256(sent)]);
});

Deno.test("a command of raw bytes runs as it was sent", async () => {
  await using sallyport = await startSallyport();
  const { stdout } = await sallyport.ssh(newLogin(), "printf %s 'ä€\t\"\\n' | od -An -tx1");
  strictEqual(stdout.trim(), "c3 a4 e2 82 ac 09 22 5c 6e");
});
