import { match, strictEqual } from "node:assert/strict";
import { run, shell } from "../support/command.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

/** Mounts a tiny file system over `folder` and fills it: no byte and no file more. Disposing unmounts it. */
async function fillUp(folder: string, mode = "0755"): Promise<AsyncDisposable> {
  await Deno.mkdir(folder, { recursive: true });
  // Two inodes: the folder and what fills it.
  const mount = ["mount", "-t", "tmpfs", "-o", `size=64k,nr_inodes=2,mode=${mode}`, "tmpfs", folder];
  const { code, stderr } = await run(mount);
  if (code !== 0) throw new Error(stderr);
  await shell('cat /dev/zero > "$1/filler" 2> /dev/null', [folder]);
  return {
    async [Symbol.asyncDispose]() {
      await run(["umount", "--lazy", folder]);
    },
  };
}

Deno.test("with /home full a new account fails in a sentence, and logins work when there is room again", async () => {
  await using sallyport = await startSallyport();
  const other = newLogin();
  await makeAccount(other, "-d", `/var/tmp/${other}`);
  {
    await using _full = await fillUp("/home");
    match(await sallyport.refusal(newLogin()), /refuse this login|could not|does not exist/i);
    strictEqual((await sallyport.ssh(other, "exit 7")).code, 7);
  }
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
});

Deno.test("with no room for the journal a login is refused rather than run without one", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await makeAccount(login);
  {
    await using _full = await fillUp(`${sallyport.state}/run/leases`);
    match(await sallyport.refusal(login), /Something went wrong|could not|host/i);
  }
  strictEqual((await sallyport.ssh(login, "exit 7")).code, 7);
});

Deno.test("a session whose disk is full sees the error of its own command", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await makeAccount(login);
  await using _full = await fillUp(`/home/${login}`, "0777");
  const { code, stderr } = await sallyport.ssh(login, "echo text > file");
  strictEqual(code, 1);
  match(stderr, /No space left on device/);
});
