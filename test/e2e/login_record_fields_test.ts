/** utmp, wtmp and btmp field by field beside sshd's, and what happens when they cannot be written. */

import assert from "node:assert/strict";
import { shell } from "../support/command.ts";
import { Lines } from "../support/lines.ts";
import { type DumpedRecord, dumpRecords, recordFiles } from "../support/login_records.ts";
import { accountWith, newLogin } from "../support/logins.ts";
import { leaveAtPrompt, person } from "../support/person.ts";
import { processTree } from "../support/processes.ts";
import { pamAsksWithoutKey, type Sallyport, startSallyport } from "../support/sallyport.ts";
import { spawnSsh, ssh, type SshTarget } from "../support/ssh.ts";
import { startSshd } from "../support/sshd.ts";
import { until } from "../support/wait.ts";

const stack = `
auth     required pam_unix.so nodelay
account  required pam_unix.so
session  required pam_permit.so
`;

/** Without what differs by nature: the number of the terminal, pid and time. */
function masked({ type, id, user, line, host, address }: DumpedRecord) {
  return { type, user, host, address, id: id.replace(/\d+/, "N"), line: line.replace(/\d+/, "N") };
}

/** Records that the process of a login wrote, from its first terminal on. */
async function recordsOf(login: string, file: string): Promise<DumpedRecord[]> {
  const pids = (await dumpRecords(recordFiles.wtmp)).filter(({ user }) => user === login).map(({ pid }) =>
    pid
  );
  return (await dumpRecords(file)).filter(({ pid }) => pids.includes(pid));
}

async function refusalsOf(login: string): Promise<DumpedRecord[]> {
  return (await dumpRecords(recordFiles.btmp)).filter(({ user }) => user === login);
}

/** Log lines that say a record could not be written. */
function warnings(sallyport: Sallyport): string[] {
  return sallyport.logs().split("\n").filter((line) => line.includes("Cannot record a login"));
}

/** Takes files away until the end of the scope. */
async function setAside(files: string[]): Promise<AsyncDisposable> {
  for (const file of files) await Deno.rename(file, `${file}.aside`);
  return {
    async [Symbol.asyncDispose]() {
      for (const file of files) await Deno.rename(`${file}.aside`, file);
    },
  };
}

Deno.test("login records beside sshd's", async (test) => {
  await using sshd = await startSshd(stack);
  await using sallyport = await startSallyport({
    stack,
    config: pamAsksWithoutKey,
  });
  const same = async (look: (target: SshTarget, login: string) => Promise<unknown[]>) => {
    const seen = [];
    for (const target of [sallyport, sshd]) {
      const login = await accountWith("correct horse");
      seen.push(JSON.parse(JSON.stringify(await look(target, login)).replaceAll(login, "LOGIN")));
    }
    assert.deepEqual(seen[0], seen[1]);
    return seen[0];
  };

  await test.step("utmp and wtmp during a session and after it", async () => {
    const [, during, , after] = await same(async (target, login) => {
      const { utmp, wtmp } = recordFiles;
      const look = async () => [
        (await recordsOf(login, utmp)).map(masked),
        (await recordsOf(login, wtmp)).map(masked),
      ];
      await using client = spawnSsh(target, login, ["echo up; cat"], ["-tt"]);
      const output = new Lines(client.stdout);
      await output.next();
      const during = await look();
      const input = client.stdin.getWriter();
      await input.write(new TextEncoder().encode("\x04"));
      await client.status;
      await until("the session is over", async () => (await recordsOf(login, wtmp)).length === 2);
      await Promise.all([output.cancel(), client.stderr.cancel(), input.abort().catch(() => {})]);
      return [...during, ...await look()];
    });
    assert.deepEqual(during.map(({ type }: DumpedRecord) => type), [7]);
    assert.deepEqual(after.map(({ type }: DumpedRecord) => type), [7, 8]);
  });

  await test.step("btmp, once for each wrong password", async () => {
    const found = await same(async (target, login) => {
      for (const method of ["keyboard-interactive", "password"]) {
        const { options } = await person(method, ["wrong", "wrong"], { attempts: 2 });
        assert.equal((await ssh(target, login, "true", options)).code, 255);
      }
      return (await refusalsOf(login)).map(masked);
    });
    assert.equal(found.length, 4);
  });

  await test.step("btmp, for a key with a login that nobody has", async () => {
    await same(async (target) => {
      const unknown = newLogin();
      assert.equal((await ssh(target, unknown, "true")).code, 255);
      const found = (await refusalsOf(unknown)).map(masked);
      assert.equal(found.length, 1);
      return found.map((record) => ({ ...record, user: "UNKNOWN" }));
    });
  });

  await test.step("btmp, not for who goes away before PAM has decided", async () => {
    await same(async (target, login) => {
      const before = processTree(sshd.pid).length;
      await leaveAtPrompt(target, login);
      await until(
        "the other side knows",
        () =>
          target === sallyport
            ? sallyport.logs().includes("The person has left")
            : processTree(sshd.pid).length <= before,
      );
      const found = await refusalsOf(login);
      assert.deepEqual(found, []);
      return found;
    });
  });

  await test.step("btmp, not when others can read it", async () => {
    const before = warnings(sallyport).length;
    await Deno.chmod(recordFiles.btmp, 0o664);
    await same(async (target) => {
      const unknown = newLogin();
      await ssh(target, unknown, "true");
      return await refusalsOf(unknown);
    });
    await Deno.chmod(recordFiles.btmp, 0o660);
    assert.equal(warnings(sallyport).length, before + 1);
  });

  await test.step("files that do not exist are not made, and nobody misses them", async () => {
    const login = await accountWith("correct horse");
    await using _aside = await setAside(Object.values(recordFiles));
    const before = warnings(sallyport);
    assert.equal((await sallyport.ssh(login, "echo in", { options: ["-tt"] })).stdout, "in\r\n");
    assert.equal((await sallyport.ssh(newLogin(), "true")).code, 255);
    assert.deepEqual(warnings(sallyport), before);
    for (const file of Object.values(recordFiles)) {
      await assert.rejects(Deno.stat(file), Deno.errors.NotFound, file);
    }
  });

  for (const file of [recordFiles.wtmp, recordFiles.lastlog]) {
    await test.step(`with no room for ${file} everybody gets in, and the operator reads one warning`, async () => {
      const login = await accountWith("correct horse");
      await using _aside = await setAside([file]);
      const full = await Deno.makeTempDir({ prefix: "full-" });
      await shell('mount -t tmpfs -o size=64k tmpfs "$1"; : > "$1/file"; cat /dev/zero > "$1/filler"', [
        full,
      ]);
      await Deno.symlink(`${full}/file`, file);
      const before = warnings(sallyport).length;
      assert.match(
        (await sallyport.ssh(login, "who", { options: ["-tt"] })).stdout,
        new RegExp(`^${login} `),
      );
      assert.equal(warnings(sallyport).length, before + 1);
      assert.match(warnings(sallyport).at(-1)!, /No space left on device/);
      await Deno.remove(file);
      await shell('umount "$1"; rmdir "$1"', [full]);
    });
  }
});
