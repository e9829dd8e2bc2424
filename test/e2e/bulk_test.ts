import { ok, strictEqual } from "node:assert/strict";
import { shell } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { memoryBytes, processTree } from "../support/processes.ts";
import { roleOf, type Sallyport, startSallyport } from "../support/sallyport.ts";
import { sshArguments } from "../support/ssh.ts";

const gigabyte = 1_000_000_000;
const maxMemoryBytes = 300_000_000;
const timeoutMs = 240_000;

/** Looks at the memory of every part, ten times a second. Disposing gives up. */
function watchMemory(sallyport: Sallyport) {
  const highest = new Map<string, number>();
  const timer = setInterval(() => {
    for (const process of processTree(sallyport.child.pid)) {
      const role = roleOf(process);
      if (role === null) continue;
      const name = `${role} ${process.pid}`;
      highest.set(name, Math.max(highest.get(name) ?? 0, memoryBytes(process.pid, "whole")));
    }
  }, 100);
  return { highest, [Symbol.dispose]: () => clearInterval(timer) };
}

Deno.test("a gigabyte each way arrives whole, and no process grows beyond 300 MB", async () => {
  await using sallyport = await startSallyport({ config: { log: { level: "info", format: "json" } } });
  const login = newLogin();
  const make = `openssl enc -aes-128-ctr -nosalt -pass pass:${login} -pbkdf2 -in /dev/zero 2> /dev/null`;
  await sallyport.ssh(login, `${make} | head -c ${gigabyte} > big`);
  const sum = (await shell(`sha256sum < /home/${login}/big`)).stdout;
  using memory = watchMemory(sallyport);

  const down = await shell('"$@" | sha256sum', sshArguments(sallyport, login, [], ["cat big"]), {
    timeoutMs,
  });
  strictEqual(down.stdout, sum);

  await shell(`mv /home/${login}/big /tmp/${login}`);
  const up = sshArguments(sallyport, login, [], ["cat > big"]);
  strictEqual((await shell(`"$@" < /tmp/${login}`, up, { timeoutMs })).code, 0);
  strictEqual((await shell(`sha256sum < /home/${login}/big`)).stdout, sum);
  await shell(`rm /tmp/${login} /home/${login}/big`);

  ok(memory.highest.size > 4, "every part was looked at");
  const tooBig = memory.highest.entries().filter(([, bytes]) => bytes > maxMemoryBytes).toArray();
  strictEqual(tooBig.join("; "), "");
});
