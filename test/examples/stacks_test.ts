/** The stacks and scripts in examples/, run by the machine's own libpam. */

import assert from "node:assert/strict";
import { run } from "../support/command.ts";
import { newLogin, uidOf } from "../support/logins.ts";

const examples = new URL("../../examples/", import.meta.url).pathname;
const driver = new URL("pam_login.ts", import.meta.url).pathname;

/** The examples below a folder of their own, with their paths in the stacks changed to it. */
class Installed implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "sallyport-examples-" });

  constructor() {
    Deno.chmodSync(this.folder, 0o755);
    for (const part of ["pam.d", "pam-exec.d", "pam-script.d"]) {
      Deno.mkdirSync(`${this.folder}/${part}`);
      for (const { name } of Deno.readDirSync(examples + part)) {
        const text = Deno.readTextFileSync(`${examples}${part}/${name}`)
          .replaceAll(/\/etc\/(pam-exec\.d|pam-script\.d)/g, `${this.folder}/$1`)
          .replaceAll("/etc/sallyport/motd", `${this.folder}/motd`);
        Deno.writeTextFileSync(`${this.folder}/${part}/${name}`, text, { mode: 0o755 });
      }
    }
    Deno.copyFileSync(`${examples}motd`, `${this.folder}/motd`);
  }

  async login(service: string, login: string): Promise<{ texts: string[]; failure: string | null }> {
    const { code, stdout, stderr } = await run(
      [Deno.execPath(), "run", "--quiet", "-A", driver, `${this.folder}/pam.d`, service, login],
      { env: { TELEPORT_LOGIN: login, TELEPORT_USERNAME: "alice:x", TELEPORT_ROLES: "dev ops" } },
    );
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

async function passwdEntry(login: string): Promise<string[]> {
  return (await run(["getent", "passwd", login])).stdout.trim().split(":");
}

for (const service of ["sallyport", "teleport-pam-exec", "teleport-pam-script"]) {
  Deno.test(`examples/pam.d/${service} makes an account with home and bash, and takes it as it is next time`, async () => {
    using installed = new Installed();
    const login = newLogin();
    assert.equal((await installed.login(service, login)).failure, null);
    const [, , uid, , , home, shell] = await passwdEntry(login);
    assert.deepEqual([home, shell], [`/home/${login}`, "/bin/bash"]);
    assert.ok(Deno.statSync(`/home/${login}`).isDirectory);
    assert.equal((await installed.login(service, login)).failure, null);
    assert.equal(await uidOf(login), Number(uid));
  });

  Deno.test(`examples/pam.d/${service} lets four first logins at once in, with one account`, async () => {
    using installed = new Installed();
    const login = newLogin();
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => installed.login(service, login)));
    assert.deepEqual(outcomes.map(({ failure }) => failure), [null, null, null, null]);
    assert.notEqual(await uidOf(login), null);
  });

  Deno.test(`examples/pam.d/${service} refuses the login when useradd fails`, async () => {
    using installed = new Installed();
    const { texts, failure } = await installed.login(service, "no:good");
    assert.match(failure ?? "none", /^pam_acct_mgmt /);
    if (service !== "teleport-pam-script") {
      assert.match(
        texts.join("\n"),
        /Cannot create the account no:good: useradd says "useradd: invalid user name/,
      );
    }
  });
}

Deno.test("examples/pam.d/sallyport shows the message of the day", async () => {
  using installed = new Installed();
  const { texts } = await installed.login("sallyport", newLogin());
  assert.ok(texts.join("\n").includes("message of the day"), texts.join("\n"));
});

Deno.test("examples/pam-script.d/pam_script_acct writes user and roles into the account, without what breaks passwd", async () => {
  using installed = new Installed();
  const login = newLogin();
  await installed.login("teleport-pam-script", login);
  const [, , , , comment] = await passwdEntry(login);
  assert.equal(comment, "User alicex with roles dev ops created by Teleport.");
});
