import { ok, strictEqual } from "node:assert/strict";
import type { Member } from "../../examples/fleet/fleet.ts";
import { startFleet, type TestFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";

const hour = 3_600_000;
/** Debian's multiarch folder, for whatever this machine is. */
const library = [...Deno.readDirSync("/usr/lib")].map(({ name }) =>
  `/usr/lib/${name}/faketime/libfaketime.so.1`
);

/** Starts the host's service anew under a wall clock that is `offsetMs` wrong; what counts intervals goes on. */
async function restartAt(fleet: TestFleet, host: Member, offsetMs: number): Promise<void> {
  const preload = library.find((file) => exists(file));
  ok(preload, "libfaketime is not installed");
  // The monitor itself: `sallyport host` hands no such variable on to it.
  const { argv } = fleet.process(host, "monitor");
  host.argv.splice(0, Infinity, ...[
    ...["/usr/bin/env", `LD_PRELOAD=${preload}`, "DONT_FAKE_MONOTONIC=1"],
    `FAKETIME=${offsetMs < 0 ? "-" : "+"}${Math.abs(offsetMs) / 1_000}s`,
    ...argv,
  ]);
  const from = host.logs().length;
  await fleet.kill(host, "monitor");
  await fleet.restart(host);
  const [, at] = /"at":"([^"]+)".*?Host \S+ starts/.exec(host.logs().slice(from)) ?? [];
  const seen = Date.parse(at ?? "") - Date.now();
  ok(Math.abs(seen - offsetMs) < hour / 10, `its clock is ${seen} ms off`);
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

Deno.test("hosts whose clocks are an hour ahead and an hour behind take logins as all others do", async () => {
  await using fleet = await startFleet({ hosts: 2, gateways: 1 });
  const [ahead, behind] = [fleet.hosts[0]!, fleet.hosts[1]!];
  const gateway = fleet.gateways[0]!;
  await restartAt(fleet, ahead, hour);
  await restartAt(fleet, behind, -hour);
  // One that has never heard of them: to it, neither clock has ever stepped.
  await fleet.kill(gateway, "gateway");
  await fleet.restart(gateway);
  for (const host of [ahead, behind]) {
    const { code, stderr } = await fleet.ssh(`${newLogin()}+${host.name}`, "exit 7");
    strictEqual(code, 7, `${host.name}: ${stderr}`);
  }
});
