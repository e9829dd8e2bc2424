import { deepStrictEqual } from "node:assert/strict";
import { firstLines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { isAlive, signal } from "../support/processes.ts";
import { type Role, type Sallyport, startSallyport } from "../support/sallyport.ts";
import { creatingStack, writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

/** Starts with a stack that writes down every opening and closing of a session. */
async function startCounting() {
  const folder = await Deno.makeTempDir({ prefix: "count-" });
  const tally = `${folder}/tally`;
  await Deno.writeTextFile(tally, "");
  const script = await writeScript(folder, "count", `#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >> ${tally}\n`);
  const stack = await creatingStack(folder, [`session required pam_exec.so ${script}`]);
  const sallyport = await startSallyport({ stack, config: { host: { hangup_grace: 1 } } });
  const count = (type: string) =>
    Deno.readTextFileSync(tally).split("\n").filter((line) => line.startsWith(type)).length;
  return {
    sallyport,
    counts: () => ({ opened: count("open_session"), closed: count("close_session") }),
    async [Symbol.asyncDispose]() {
      await sallyport[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A session that stays open. */
async function hold(sallyport: Sallyport, login: string) {
  const client = sallyport.spawn(login, "echo up; exec cat");
  await firstLines(client.stdout, 1);
  return client;
}

Deno.test("every PAM session that opens is closed once", async () => {
  await using counting = await startCounting();
  const { sallyport, counts } = counting;
  const login = newLogin();
  for (const command of ["true", "exit 3", "kill -9 $$"]) await sallyport.ssh(login, command);
  await Promise.all(Array.from({ length: 5 }, () => sallyport.ssh(login, "true")));
  {
    await using client = await hold(sallyport, login);
    client.kill("SIGKILL");
    await client.stderr.cancel();
  }
  await until("all are closed", () => counts().closed === 9);
  deepStrictEqual(counts(), { opened: 9, closed: 9 });
});

for (const role of ["worker", "dispatcher", "monitor", "gateway", "broker"] satisfies Role[]) {
  Deno.test(`a PAM session is closed once when the ${role} is killed`, async () => {
    await using counting = await startCounting();
    const { sallyport, counts } = counting;
    await using client = await hold(sallyport, newLogin());
    deepStrictEqual(counts(), { opened: 1, closed: 0 });
    const victims = role === "worker" ? await sallyport.journals() : sallyport.processes(role);
    for (const { pid } of victims) {
      signal(pid, "SIGKILL");
      await until("it is gone", () => !isAlive(pid));
    }
    // Streams outlive a broker: there the client's leaving is what closes the session.
    if (role === "broker") client.kill("SIGKILL");
    await until("the session is closed", () => counts().closed > 0, { timeoutMs: 40_000 });
    await until("no lease is left", async () => await sallyport.leases() === 0);
    deepStrictEqual(counts(), { opened: 1, closed: 1 });
    await client.stderr.cancel();
  });
}
