import { strictEqual } from "node:assert/strict";
import { shell } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { isAlive, signal } from "../support/processes.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { sshArguments } from "../support/ssh.ts";
import { until } from "../support/wait.ts";

const bytes = 200_000_000;
const timeoutMs = 120_000;

async function killBroker(sallyport: Sallyport): Promise<void> {
  const { pid } = sallyport.process("broker");
  signal(pid, "SIGKILL");
  await until("the broker is gone", () => !isAlive(pid));
}

Deno.test("not a byte is lost or doubled when the broker is killed in the middle of a transfer", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  const make =
    `openssl enc -aes-128-ctr -nosalt -pass pass:${login} -pbkdf2 -in /dev/zero 2> /dev/null | head -c ${bytes}`;
  const sum = (await shell(`${make} | sha256sum`)).stdout;
  await sallyport.ssh(login, "true");

  const down = shell(`"$@" | tee /tmp/${login} | sha256sum`, sshArguments(sallyport, login, [], [make]), {
    timeoutMs,
  });
  await until("the download is on its way", async () => (await Deno.stat(`/tmp/${login}`)).size > bytes / 10);
  await killBroker(sallyport);
  strictEqual((await down).stdout, sum);
  await Deno.remove(`/tmp/${login}`);

  const up = shell(`${make} | "$@"`, sshArguments(sallyport, login, [], ["tee copy | sha256sum"]), {
    timeoutMs,
  });
  await until(
    "the upload is on its way",
    async () => (await Deno.stat(`/home/${login}/copy`)).size > bytes / 10,
  );
  await killBroker(sallyport);
  strictEqual((await up).stdout, sum);
});
