import { deepStrictEqual, match } from "node:assert/strict";
import { Lines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { isAlive, signal } from "../support/processes.ts";
import { type Role, type Sallyport, startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

/** How a session fares when a part dies: it ends with a sentence, the connection ends, or it just goes on. */
const fates: [Role, RegExp | "goes on"][] = [
  ["worker", /session process ended unexpectedly/],
  ["monitor", /host|session process/i],
  ["dispatcher", /host|session process/i],
  ["gateway", /closed|reset|broken pipe/i],
  ["broker", "goes on"],
];

async function kill(sallyport: Sallyport, role: Role): Promise<void> {
  const victims = sallyport.processes(role).map(({ pid }) => pid);
  for (const pid of victims) signal(pid, "SIGKILL");
  await until(`the ${role} is gone`, () => !victims.some(isAlive));
}

for (const [role, fate] of fates) {
  Deno.test(`when the ${role} is killed the session ${fate === "goes on" ? fate : "ends in a sentence"}, and new logins work`, async () => {
    await using sallyport = await startSallyport();
    const login = newLogin();
    const client = sallyport.spawn(login, 'while read -r line; do echo "$line"; done', [
      "-o",
      "LogLevel=INFO",
    ]);
    const output = new Lines(client.stdout);
    const input = client.stdin.getWriter();
    const echo = async (line: string) => {
      await input.write(new TextEncoder().encode(`${line}\n`));
      return await output.next();
    };
    deepStrictEqual(await echo("before"), "before");
    await kill(sallyport, role);
    if (fate === "goes on") {
      deepStrictEqual(await echo("after"), "after");
      await input.close();
      deepStrictEqual((await client.status).code, 0);
      await client.stderr.cancel();
    } else {
      const said = await new Response(client.stderr).text();
      deepStrictEqual((await client.status).code, 255);
      match(said, fate);
      await input.close().catch(() => {});
    }
    await output.cancel();
    await until("new logins work", async () => (await sallyport.ssh(login, "exit 7")).code === 7, {
      timeoutMs: 40_000,
      everyMs: 300,
    });
  });
}
