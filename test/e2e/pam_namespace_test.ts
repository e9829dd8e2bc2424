import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { replaceFiles } from "../support/files.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { startPair } from "../support/pair.ts";
import { until } from "../support/wait.ts";

Deno.test("pam_namespace gives a login folders of its own, as under sshd", async (t) => {
  const [login, other] = [newLogin(), newLogin()];
  for (const name of [login, other]) await makeAccount(name);
  const shared = await Deno.makeTempDir({ dir: "/var/tmp" });
  await Deno.chmod(shared, 0o1777);
  await Deno.mkdir("/var/instances", { recursive: true });
  await Deno.chmod("/var/instances", 0);
  await using _files = await replaceFiles({
    "/etc/security/namespace.conf": `${shared} /var/instances/ user root\n`,
  });
  await Deno.writeTextFile(`${shared}/for-all`, "");
  await using pair = await startPair([
    "account required pam_unix.so",
    "session required pam_namespace.so ignore_config_error",
    "session required pam_permit.so",
    "",
  ].join("\n"));

  await t.step("the folder is another for each login, and the same for the next of one", async () => {
    await pair.run(login, `touch ${shared}/mine`);
    strictEqual(await pair.same(login, `ls ${shared}; stat -c %a:%U ${shared}`), "mine\n1777:root\n");
    strictEqual(await pair.same(other, `echo :; ls ${shared}`), ":\n");
  });
  await t.step("the mounts are sshd's", async () => {
    const mounts = `sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo`;
    match(await pair.same(login, mounts), new RegExp(` ${shared} `));
  });
  await t.step("a shell on a terminal is in there too", async () => {
    const { ours } = await pair.screens(login, `ls ${shared}; exit`);
    match(ours, /^mine$/m);
  });
  await t.step("nobody else is in there: neither service, nor the next worker, nor the machine", async () => {
    await until("every lease is closed", async () => await pair.sallyport.leases() === 0);
    const namespace = (pid: number | "self") => Deno.readLinkSync(`/proc/${pid}/ns/mnt`);
    const inside = (await pair.run(login, "readlink /proc/self/ns/mnt")).ours.stdout.trim();
    notStrictEqual(inside, namespace("self"));
    await until(
      "zygote and warm workers are outside",
      () => pair.sallyport.processes("worker").every(({ pid }) => namespace(pid) === namespace("self")),
    );
    strictEqual((await Deno.stat(`${shared}/for-all`)).isFile, true);
  });
  await Deno.remove(shared, { recursive: true });
});
