import { deepStrictEqual, ok } from "node:assert/strict";
import { firstLines } from "../support/lines.ts";
import { newLogin, uidOf } from "../support/logins.ts";
import { processesOf } from "../support/processes.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";

/** Ids of a process as /proc/PID/status shows them: real, effective, saved, file system. */
function ids(pid: number, field: "Uid" | "Gid" | "Groups" | "CapEff"): string {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return new RegExp(`^${field}:\\s*(.*?)\\s*$`, "m").exec(status)?.[1]?.replaceAll("\t", " ") ?? "";
}

function idsOf(sallyport: Sallyport, role: "gateway" | "dispatcher" | "broker" | "monitor") {
  const { pid } = sallyport.process(role);
  return { uid: ids(pid, "Uid"), gid: ids(pid, "Gid"), groups: ids(pid, "Groups"), caps: ids(pid, "CapEff") };
}

const unprivileged = (id: number) => ({
  uid: `${id} ${id} ${id} ${id}`,
  gid: `${id} ${id} ${id} ${id}`,
  groups: `${id}`,
  caps: "0000000000000000",
});

Deno.test("every part runs as who it should, and none but the workers is root", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await using client = sallyport.spawn(login, "echo up; exec cat");
  await firstLines(client.stdout, 1);
  deepStrictEqual(idsOf(sallyport, "gateway"), unprivileged(60_801));
  deepStrictEqual(idsOf(sallyport, "dispatcher"), unprivileged(60_802));
  deepStrictEqual(idsOf(sallyport, "broker"), unprivileged(60_803));
  deepStrictEqual(idsOf(sallyport, "monitor").uid, "0 0 0 0");
  for (const { pid } of sallyport.processes("worker")) deepStrictEqual(ids(pid, "Uid"), "0 0 0 0");

  const [shell] = processesOf((await uidOf(login))!);
  ok(shell);
  const uid = await uidOf(login);
  deepStrictEqual(ids(shell.pid, "Uid"), `${uid} ${uid} ${uid} ${uid}`);
  deepStrictEqual(ids(shell.pid, "CapEff"), "0000000000000000");
  await client.stdin.close();
  await client.stderr.cancel();
});

Deno.test("a command gets descriptors 0 to 2, no blocked or ignored signals, and the usual limits", async () => {
  await using sallyport = await startSallyport();
  const { stdout } = await sallyport.ssh(
    newLogin(),
    "ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2; ulimit -Sn; cat /proc/self/oom_score_adj",
  );
  // ls has its three and the folder it reads.
  deepStrictEqual(stdout, "4\n0000000000000000\n0000000000000000\n1024\n0\n");
});

Deno.test("the gateway listens for SSH, the broker on loopback, and the host on nothing", async () => {
  await using sallyport = await startSallyport();
  const listening = (role: "gateway" | "dispatcher" | "broker" | "monitor") => {
    const { pid } = sallyport.process(role);
    const sockets = Deno.readDirSync(`/proc/${pid}/fd`).map(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        return "";
      }
    }).toArray();
    const listeners = ["tcp", "tcp6"].flatMap((family) =>
      Deno.readTextFileSync(`/proc/net/${family}`).split("\n").slice(1)
        .map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === "0A")
    );
    return listeners.filter((fields) => sockets.includes(`socket:[${fields[9]}]`)).length;
  };
  deepStrictEqual(
    [listening("gateway"), listening("broker"), listening("dispatcher"), listening("monitor")],
    [1, 1, 0, 0],
  );
  await Promise.resolve();
});
