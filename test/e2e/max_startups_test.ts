import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { firstLines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

const full = 5;

async function greeting(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(8);
  let length = 0;
  while (length < buffer.length) {
    const more = await connection.read(buffer.subarray(length)).catch(() => null);
    if (more === null) break;
    length += more;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}

Deno.test("MaxStartups drops connections that do not log in, and those that have do not count", async () => {
  await using sallyport = await startSallyport({
    config: { gateway: { MaxStartups: `${full}:100:${full}` } },
  });
  const login = newLogin();
  await using holder = sallyport.spawn(login, "echo up; exec cat");
  await firstLines(holder.stdout, 1);

  const idle: Deno.Conn[] = [];
  const connect = async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: sallyport.port });
    idle.push(connection);
    return await greeting(connection);
  };
  for (let count = 0; count < full; count++) strictEqual(await connect(), "SSH-2.0-");
  strictEqual(await connect(), "");
  for (const connection of idle) connection.close();
  await until("there is room again", async () => (await sallyport.ssh(login, "exit 7")).code === 7);
  await holder.stdin.close();
  await holder.stderr.cancel();
  deepStrictEqual((await holder.status).code, 0);
});
