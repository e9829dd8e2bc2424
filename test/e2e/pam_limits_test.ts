import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { makeAccount, newLogin } from "../support/logins.ts";
import { startPair } from "../support/pair.ts";
import { writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

/** Of capabilities(7): without it nobody, root included, has more than a hard limit again. */
const capSysResource = 24n;

function mayRaiseLimits(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  return ((BigInt(`0x${effective}`) >> capSysResource) & 1n) === 1n;
}

Deno.test("limits that the worker itself could not live under are the session's all the same", async (t) => {
  const login = newLogin();
  await makeAccount(login);
  const limits = await Deno.makeTempFile({ prefix: "limits-" });
  const folder = await Deno.makeTempDir({ prefix: "limits-" });
  const count = await writeScript(
    folder,
    "count",
    `#!/bin/sh\n[ -z "$TELEPORT_LOGIN" ] || echo $PAM_TYPE >> ${folder}/tally\n`,
  );
  await using pair = await startPair([
    "account required pam_unix.so",
    `session required pam_exec.so ${count}`,
    `session required pam_limits.so conf=${limits}`,
    "session required pam_permit.so",
    "",
  ].join("\n"));
  const limit = (text: string) => Deno.writeTextFile(limits, text);
  const look =
    "ulimit -Sv; ulimit -Sd; ulimit -Sf; ulimit -Hv; id; umask; grep -E 'Sig(Blk|Ign|Cgt):|Seccomp|Cap|Groups' " +
    "/proc/self/status; ls /proc/$$/fd; pwd; ps -o sid=,pgid= $$ | awk '{print $1 == $2}'; seq 100000 | wc -c";

  for (
    const [name, text, first] of [
      ["addresses", "* soft as 4194304\n", "4194304"],
      ["few addresses", "* soft as 300000\n", "300000"],
      ["data", "* soft data 50000\n", "unlimited\n50000"],
      ["the size of files", "* soft fsize 0\n", "unlimited\nunlimited\n0"],
      [
        "all of them",
        "* soft as 500000\n* soft data 60000\n* soft fsize 1\n* soft nofile 100\n",
        "500000\n60000\n1",
      ],
    ] as const
  ) {
    await t.step(name, async () => {
      await limit(text);
      // Signals 32 and 33 are glibc's own, and sshd happens to leave them ignored.
      const { ours, theirs } = await pair.run(login, look);
      const plain = (output: string) => output.replace(/^(SigIgn:\t).*$/m, "$1");
      deepStrictEqual([ours.code, plain(ours.stdout), ours.stderr], [
        theirs.code,
        plain(theirs.stdout),
        theirs.stderr,
      ]);
      match(ours.stdout, /^SigIgn:\t0{16}$/m);
      strictEqual(ours.stdout.startsWith(`${first}\n`), true, ours.stdout);
    });
  }
  await t.step({
    name: "hard ones",
    ignore: !mayRaiseLimits(),
    fn: async () => {
      await limit("* hard as 4194304\n* hard data 500000\n* hard fsize 100\n");
      strictEqual(await pair.same(login, "ulimit -Hv; ulimit -Hd; ulimit -Hf"), "4194304\n500000\n100\n");
    },
  });
  await t.step({
    name: "a hard one that the worker cannot rise above is told, and nothing dies",
    ignore: mayRaiseLimits(),
    fn: async () => {
      await limit("* hard as 4194304\n");
      await until("the logins before are closed", async () => await pair.sallyport.leases() === 0);
      await Deno.writeTextFile(`${folder}/tally`, "");
      match(await pair.sallyport.refusal(login), /could not open a PAM session/);
      match(pair.sallyport.logs(), /hard limit 'as' is too low .*CAP_SYS_RESOURCE/);
      strictEqual(await Deno.readTextFile(`${folder}/tally`), "open_session\nclose_session\n");
      await limit("* hard fsize 0\n");
      match(await pair.sallyport.refusal(login), /./);
      doesNotMatch(pair.sallyport.logs(), /Janitor|The worker is gone/);
    },
  });
  await t.step("on a terminal, with job control and exit status", async () => {
    await limit("* soft as 1000000\n");
    const { ours, theirs } = await pair.screens(
      login,
      "ulimit -v; tty; stty -a | head -1; echo $0; sleep 0 & wait; exit",
    );
    const plain = (screen: string) =>
      screen.replaceAll(/\/dev\/pts\/\d+/g, "TTY").replaceAll(/\[1\] \d+/g, "[1] PID");
    strictEqual(plain(ours), plain(theirs));
    match(ours, /^1000000$/m);
    match(ours, /^-bash$/m);
    for (const { code } of Object.values(await pair.run(login, "exit 7"))) strictEqual(code, 7);
    for (const { code } of Object.values(await pair.run(login, "kill -9 $$"))) strictEqual(code, 255);
  });
  await t.step("many channels of one login, one after the other", async () => {
    const lines = Array.from({ length: 20 }, (_, number) => `${number}\n`).join("");
    strictEqual(await pair.same(login, "cat", { stdin: lines }), lines);
    const codes = await Promise.all(Array.from({ length: 10 }, () => pair.sallyport.ssh(login, "ulimit -v")));
    deepStrictEqual(new Set(codes.map(({ stdout }) => stdout)), new Set(["1000000\n"]));
  });
  await t.step("without a home folder, and without a shell", async () => {
    await Deno.rename(`/home/${login}`, `/home/${login}.away`);
    const { code, stdout } = await pair.sallyport.ssh(login, "pwd; ulimit -v");
    deepStrictEqual([code, stdout], [0, "/\n1000000\n"]);
    const broken = newLogin();
    await makeAccount(broken, "-s", await writeScript("/usr/local/bin", broken, "#!/no/such/interpreter\n"));
    match((await pair.sallyport.ssh(broken, "true")).stderr, /login shell does not exist/);
    await Deno.remove(`/usr/local/bin/${broken}`);
  });
  await until("every lease is closed", async () => await pair.sallyport.leases() === 0);
  await Deno.remove(limits);
  await Deno.remove(folder, { recursive: true });
});
