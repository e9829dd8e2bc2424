/** PAM asks the person, through the bus and their own ssh: pam_unix with a right, wrong, locked and expired password. */

import assert from "node:assert/strict";
import { run } from "../support/command.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { person } from "../support/person.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";

const stack = `
auth     required pam_unix.so
account  required pam_unix.so
password required pam_unix.so sha512
session  required pam_permit.so
`;

function startWithPassword(): Promise<Sallyport> {
  return startSallyport({
    stack,
    config: {
      ssh_service: { pam: { enabled: "yes", service_name: "test", use_pam_auth: "yes" } },
      pam_logins: { "*": ["all"] },
    },
  });
}

async function accountWith(password: string): Promise<string> {
  const login = newLogin();
  await makeAccount(login);
  await setPassword(login, password);
  return login;
}

async function setPassword(login: string, password: string): Promise<void> {
  const { code, stderr } = await run(["chpasswd"], { stdin: `${login}:${password}\n` });
  assert.equal(code, 0, stderr);
}

Deno.test("a password is asked for by PAM's own words, and the right one lets in", async () => {
  await using sallyport = await startWithPassword();
  const login = await accountWith("correct horse");
  const right = await person("keyboard-interactive", ["correct horse"]);
  const got = await sallyport.ssh(login, "id -un", right.options);
  assert.deepEqual([got.code, got.stdout], [0, `${login}\n`], got.stderr + sallyport.logs());
  assert.equal(right.asked().length, 1);
  assert.match(right.asked()[0]!, /Password:$/);
});
