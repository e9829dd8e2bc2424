/** A key and then a one-time code, whoever of gateway and host wants the second; and the key alone where none does. */

import assert from "node:assert/strict";
import { run } from "../support/command.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { person } from "../support/person.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";

const secret = "3132333435363738393031323334353637383930"; // RFC 4226 Appendix D, in hex

async function code(counter: number): Promise<string> {
  return (await run(["oathtool", "--counter", String(counter), secret])).stdout.trim();
}

async function start(login: string, keys: { gateway?: object; host?: object }): Promise<Sallyport> {
  const users = await Deno.makeTempFile({ prefix: "oath-" });
  await Deno.writeTextFile(users, `HOTP ${login} - ${secret}\n`, { mode: 0o600 });
  return await startSallyport({
    stack: [
      `auth required pam_oath.so usersfile=${users} window=5 digits=6`,
      "account required pam_permit.so",
      "session required pam_permit.so",
      "",
    ].join("\n"),
    config: {
      ssh_service: { pam: { enabled: "yes", service_name: "test", use_pam_auth: "yes" } },
      gateway: { ...keys.gateway },
      host: { ...keys.host },
    },
  });
}

async function logIn(sallyport: Sallyport, login: string, methods: string, answers: string[]) {
  const somebody = await person(methods, answers);
  const { code, stdout, stderr } = await sallyport.ssh(login, "id -un", somebody.options);
  return { code, stdout, stderr, asked: somebody.asked() };
}

Deno.test("a gateway with AuthenticationMethods publickey,keyboard-interactive takes both or nothing", async () => {
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await start(login, {
    gateway: { AuthenticationMethods: ["publickey,keyboard-interactive"] },
    host: { require_pam_auth: "no" },
  });
  const both = await logIn(sallyport, login, "publickey,keyboard-interactive", [await code(0)]);
  assert.deepEqual([both.code, both.stdout], [0, `${login}\n`], both.stderr);
  assert.match(both.asked.join(), /One-time password \(OATH\) for `t/);
  const used = await logIn(sallyport, login, "publickey,keyboard-interactive", [await code(0)]);
  assert.deepEqual([used.code, used.stdout], [255, ""], "a code counts once");
  assert.match(used.stderr, /Permission denied \(keyboard-interactive\)/);
  const keyAlone = await logIn(sallyport, login, "publickey", []);
  assert.equal(keyAlone.code, 255);
  const codeAlone = await logIn(sallyport, login, "keyboard-interactive", [await code(1)]);
  assert.equal(codeAlone.code, 255);
  assert.match(codeAlone.stderr, /Permission denied \(publickey\)/);
  assert.deepEqual(codeAlone.asked, [], "nobody is asked who has not shown a key");
  const next = await logIn(sallyport, login, "publickey,keyboard-interactive", [await code(1)]);
  assert.equal(next.code, 0, next.stderr);
});

Deno.test("a wrong code may be tried again without showing the key again, up to MaxAuthTries", async () => {
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await start(login, { gateway: { MaxAuthTries: 3 } });
  const second = await person("publickey,keyboard-interactive", ["000000", await code(0)], { attempts: 3 });
  const { stdout, stderr } = await sallyport.ssh(login, "id -un", second.options);
  assert.equal(stdout, `${login}\n`, stderr);
  const many = await person("publickey,keyboard-interactive", Array(9).fill("000000"), { attempts: 9 });
  const refused = await sallyport.ssh(login, "id -un", many.options);
  assert.match(refused.stderr, /Too many authentication failures/);
  assert.equal(many.asked().length, 3);
});

Deno.test("a host that requires PAM asks after any key, even if the gateway does not", async () => {
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await start(login, {});
  assert.equal((await logIn(sallyport, login, "publickey", [])).code, 255);
  const both = await logIn(sallyport, login, "publickey,keyboard-interactive", [await code(0)]);
  assert.equal(both.code, 0, both.stderr);
  const byPassword = await logIn(sallyport, login, "publickey,password", [await code(1)]);
  assert.equal(byPassword.code, 0, byPassword.stderr);
});

Deno.test("a key alone is enough where neither wants more", async () => {
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await start(login, { host: { require_pam_auth: "no" } });
  assert.deepEqual((await logIn(sallyport, login, "publickey", [])).code, 0);
});
