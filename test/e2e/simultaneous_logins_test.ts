import { deepStrictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

async function logInAtOnce(logins: string[]): Promise<void> {
  await using sallyport = await startSallyport({ config: { host: { max_opening: 200 } } });
  const timing = { timeoutMs: 120_000, options: ["-o", "ConnectTimeout=100"] };
  const results = await Promise.all(logins.map((login) => sallyport.ssh(login, "id -un; pwd", timing)));
  const wrong = results.filter(({ code, stdout, stderr }, index) =>
    code !== 0 || stderr !== "" || stdout !== `${logins[index]}\n/home/${logins[index]}\n`
  );
  deepStrictEqual(wrong.map(({ code, stdout, stderr }) => ({ code, stdout, stderr })), []);
}

Deno.test("50 new accounts log in at once", async () => {
  await logInAtOnce(Array.from({ length: 50 }, newLogin));
});

Deno.test("one new account logs in 50 times at once", async () => {
  const login = newLogin();
  await logInAtOnce(Array.from({ length: 50 }, () => login));
});

Deno.test("100 logins at once all succeed", async () => {
  const logins = Array.from({ length: 10 }, newLogin);
  await logInAtOnce(Array.from({ length: 100 }, (_, index) => logins[index % 10]!));
});
