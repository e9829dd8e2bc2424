/** PAM's questions through clients other than OpenSSH: PuTTY's plink, Dropbear's dbclient and npm ssh2. */

import assert from "node:assert/strict";
import type { AnyAuthMethod, KeyboardInteractiveAuthMethod } from "ssh2";
import { connectClient, execOn } from "../support/client.ts";
import { run } from "../support/command.ts";
import { accountWith } from "../support/logins.ts";
import { pamAsks, startSallyport } from "../support/sallyport.ts";

const stack = `
auth     required pam_unix.so nodelay
account  required pam_unix.so
session  required pam_permit.so
`;

Deno.test("a password reaches PAM from every client", async (test) => {
  await using sallyport = await startSallyport({
    stack,
    config: pamAsks,
  });
  const login = await accountWith("correct horse");
  const scan = await run(["ssh-keyscan", "-p", String(sallyport.port), "-t", "ed25519", "127.0.0.1"]);
  await Deno.writeTextFile(`${sallyport.state}/known`, scan.stdout);
  const print = await run(["ssh-keygen", "-lf", `${sallyport.state}/known`]);
  const hostKey = /SHA256:\S+/.exec(print.stdout)![0];
  const env = { HOME: sallyport.state };
  const plink = (password: string, ...options: string[]) =>
    run([
      ...["plink", "-ssh", "-batch", "-hostkey", hostKey, "-pw", password, ...options],
      ...["-P", String(sallyport.port), `${login}@127.0.0.1`, "id -un; exit 5"],
    ], { env });
  const dbclient = (password: string) =>
    run(["dbclient", "-y", "-y", "-p", String(sallyport.port), `${login}@127.0.0.1`, "id -un; exit 5"], {
      env: { ...env, DROPBEAR_PASSWORD: password },
    });

  await test.step("plink", async () => {
    const right = await plink("correct horse");
    assert.deepEqual([right.code, right.stdout], [5, `${login}\n`], right.stderr);
    const wrong = await plink("wrong");
    assert.deepEqual([wrong.code, wrong.stdout], [1, ""]);
    assert.match(wrong.stderr, /assword|denied/i);
  });

  await test.step("dbclient", async () => {
    const right = await dbclient("correct horse");
    assert.deepEqual([right.code, right.stdout], [5, `${login}\n`], right.stderr);
    assert.equal((await dbclient("wrong")).stdout, "");
  });

  await test.step("npm ssh2, by password and by questions", async () => {
    const prompt: KeyboardInteractiveAuthMethod["prompt"] = (_name, _instructions, _lang, _prompts, finish) =>
      finish(["correct horse"]);
    const ways: AnyAuthMethod[] = [
      { type: "password", username: login, password: "correct horse" },
      { type: "keyboard-interactive", username: login, prompt },
    ];
    for (const way of ways) {
      using client = await connectClient(sallyport, login, { privateKey: undefined, authHandler: [way] });
      assert.deepEqual((await execOn(client, "id -un")).stdout, `${login}\n`);
    }
  });
});
