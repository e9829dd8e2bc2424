import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { requireIntactFiles, startWithAccounts } from "../support/accounts.ts";
import { newLogin } from "../support/logins.ts";
import type { Sallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

/** Logs in as all of them at once. @returns Their uids */
async function logInAtOnce(sallyport: Sallyport, logins: string[]): Promise<number[]> {
  const timing = { timeoutMs: 120_000, options: ["-o", "ConnectTimeout=100"] };
  const results = await Promise.all(
    logins.map((login) => sallyport.ssh(login, "id -u; id -un; pwd", timing)),
  );
  const wrong = results.filter(({ code, stdout, stderr }, index) =>
    code !== 0 || stderr !== "" || !stdout.endsWith(`\n${logins[index]}\n/home/${logins[index]}\n`)
  );
  deepStrictEqual(wrong.map(({ code, stdout, stderr }) => ({ code, stdout, stderr })), []);
  return results.map(({ stdout }) => Number(stdout.split("\n")[0]));
}

function accountsLeft(first: number, last: number): number {
  const uids = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => Number(line.split(":")[2]));
  return uids.filter((uid) => uid >= first && uid <= last).length;
}

Deno.test("50 first logins at once, of 50 accounts and of one, all get in and all accounts go again", async () => {
  await using host = await startWithAccounts({ mode: "ephemeral", uid_range: "79000-79100" });
  const { sallyport } = host;
  const many = await logInAtOnce(sallyport, Array.from({ length: 50 }, newLogin));
  strictEqual(new Set(many).size, 50, "every account has a uid of its own");
  await requireIntactFiles();
  const login = newLogin();
  const one = await logInAtOnce(sallyport, Array.from({ length: 50 }, () => login));
  strictEqual(new Set(one).size, 1, "one account is made once, or again with the same uid");
  strictEqual(many.includes(one[0]!), false);
  await until("no account is left", () => accountsLeft(79000, 79100) === 0, { timeoutMs: 60_000 });
  await requireIntactFiles();
});
