import { match, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

/** Sends bytes and reads until the server closes. */
async function talk(port: number, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(bytes).catch(() => {});
  const decoder = new TextDecoder();
  let answer = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = await connection.read(buffer).catch(() => null);
    if (length === null) return answer;
    answer += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
}

const text = (words: string) => new TextEncoder().encode(words);
const ident = text("SSH-2.0-test\r\n");

const garbage: [string, Uint8Array<ArrayBuffer>][] = [
  ["an HTTP request", text("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")],
  ["random bytes", crypto.getRandomValues(new Uint8Array(60_000))],
  ["zeros", new Uint8Array(60_000)],
  ["SSH 1", text("SSH-1.5-old\r\n")],
  ["a packet that claims 4 GB", new Uint8Array([...ident, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
  [
    "random packets after the ident",
    new Uint8Array([...ident, ...crypto.getRandomValues(new Uint8Array(9000))]),
  ],
  ["an endless ident", text("x".repeat(200_000))],
  ["nothing at all", new Uint8Array()],
  ["an ident and then nothing", ident],
];

Deno.test("garbage on the SSH port ends with the connection, and others log in meanwhile", async () => {
  await using sallyport = await startSallyport({ config: { gateway: { LoginGraceTime: 3 } } });
  const login = newLogin();
  const talks = garbage.map(([, bytes]) => talk(sallyport.port, bytes));
  strictEqual((await sallyport.ssh(login, "exit 7")).code, 7);
  for (const answer of await Promise.all(talks)) match(answer, /^(SSH-2\.0-\S+|$)/);
  strictEqual((await sallyport.ssh(login, "exit 7")).code, 7);
  strictEqual(sallyport.process("gateway").state === "Z", false);
});

Deno.test("a half-open connection is cut at LoginGraceTime", async () => {
  await using sallyport = await startSallyport({ config: { gateway: { LoginGraceTime: 1 } } });
  const startedAt = performance.now();
  await talk(sallyport.port, ident);
  const tookMs = performance.now() - startedAt;
  strictEqual(tookMs > 900 && tookMs < 5_000, true, `it took ${tookMs} ms`);
});
