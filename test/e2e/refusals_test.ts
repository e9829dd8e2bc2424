import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Lines } from "../support/lines.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";
import { creatingStack, writeScript, writeStack } from "../support/stacks.ts";
import { run } from "../support/command.ts";

Deno.test("without PAM an unknown login is told that there is no account, and a known one gets in", async () => {
  await using sallyport = await startSallyport({ stack: null });
  match(await sallyport.refusal(newLogin()), /The account does not exist/);
  const login = newLogin();
  await makeAccount(login);
  strictEqual((await sallyport.ssh(login, "id -un")).stdout, `${login}\n`);
});

/** Stacks that refuse, and what the person reads. */
const refusing: [string, string, RegExp][] = [
  [
    "creates no account",
    "account required pam_permit.so\nsession required pam_permit.so\n",
    /The account does not exist/,
  ],
  [
    "denies the account",
    "account required pam_deny.so\nsession required pam_permit.so\n",
    /account rules refuse this login/,
  ],
  [
    "denies the session",
    "account required pam_permit.so\nsession required pam_deny.so\n",
    /could not open a PAM session/,
  ],
  [
    "names a module that does not exist",
    "account required pam_nowhere.so\nsession required pam_permit.so\n",
    /PAM on the host|refuse/,
  ],
  ["is no stack at all", "\0\x01 what is this\n{}\n", /PAM on the host|refuse/],
  ["is empty", "", /PAM on the host|refuse/],
  [
    "calls a script that fails with a reason",
    'account required pam_exec.so stdout /bin/sh -c "echo the directory is down; exit 3"\nsession required pam_permit.so\n',
    /account rules refuse this login/,
  ],
];

for (const [what, stack, sentence] of refusing) {
  Deno.test(`a stack that ${what} refuses in a plain sentence`, async () => {
    await using sallyport = await startSallyport({ stack });
    const login = newLogin();
    if (what.includes("session")) await makeAccount(login);
    const said = await sallyport.refusal(login);
    match(said, sentence);
    match(said, /:14: The login was refused$/m);
    deepStrictEqual(await sallyport.leases(), 0);
  });
}

Deno.test("a module's own reason reaches the person", async () => {
  const folder = await Deno.makeTempDir({ prefix: "reason-" });
  const script = await writeScript(folder, "reason", "#!/bin/sh\necho The directory is down\nexit 3\n");
  const stack = `account required pam_exec.so stdout ${script}\nsession required pam_permit.so\n`;
  await using sallyport = await startSallyport({ stack });
  match(await sallyport.refusal(newLogin()), /The directory is down/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a stack file that goes away while running refuses, and logins work when it is back", async () => {
  await using sallyport = await startSallyport();
  const file = `${sallyport.state}/pam.d/test`;
  const text = await Deno.readTextFile(file);
  await Deno.remove(file);
  match(await sallyport.refusal(newLogin()), /PAM on the host is not set up correctly/);
  await writeStack(sallyport.state, text);
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
});

Deno.test("a module that aborts its process is told, and does not touch others", async () => {
  const folder = await Deno.makeTempDir({ prefix: "abort-" });
  const victim = newLogin();
  const abort = await writeScript(
    folder,
    "abort",
    `#!/bin/sh\n[ "$PAM_USER" != ${victim} ] || kill -ABRT $PPID\n`,
  );
  // The script takes the place of pam_exec's child, so its parent is the worker.
  const stack = await creatingStack(folder, [`account required pam_exec.so ${abort}`]);
  await using sallyport = await startSallyport({ stack });
  const other = newLogin();
  await using client = sallyport.spawn(other, "echo up; cat");
  const output = new Lines(client.stdout);
  await output.next();
  match(await sallyport.refusal(victim), /session process ended unexpectedly/);
  await client.stdin.close();
  strictEqual((await client.status).code, 0);
  await output.cancel();
  await client.stderr.cancel();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a module that hangs is ended at the host's LoginGraceTime, and does not hold up others", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hang-" });
  const victim = newLogin();
  const hang = await writeScript(
    folder,
    "hang",
    `#!/bin/sh\n[ "$PAM_USER" != ${victim} ] || exec sleep 1000\n`,
  );
  const stack = await creatingStack(folder, [`account required pam_exec.so ${hang}`]);
  await using sallyport = await startSallyport({ stack, config: { host: { LoginGraceTime: 3 } } });
  const hanging = sallyport.refusal(victim);
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
  match(await hanging, /took too long/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a host that is not there is told", async () => {
  await using sallyport = await startSallyport();
  match(
    await sallyport.refusal(`${newLogin()}+nowhere`),
    /You may log in to local\.\s+No host of this name is known here/,
  );
});

Deno.test("a person without a role for the login is refused", async () => {
  await using sallyport = await startSallyport({ config: { roles: { all: { logins: ["somebody"] } } } });
  const login = newLogin();
  match(await sallyport.refusal(login), /Permission denied \(publickey\)/);
  strictEqual((await run(["getent", "passwd", login])).code, 2);
});
