/** The example units, held against systemd's own reading of them and against what the services are. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";

const folder = new URL("../../examples/systemd", import.meta.url).pathname;
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const units = ["sallyport-host.service", "sallyport-gateway.service", "sallyport-nats.service"];

/** Text of a unit whose programs are where this machine has them. */
async function installed(unit: string): Promise<string> {
  const text = await Deno.readTextFile(`${folder}/${unit}`);
  return text.replaceAll("/usr/local/bin/deno", Deno.execPath()).replaceAll("/opt/sallyport", root);
}

Deno.test("systemd-analyze verify finds nothing wrong with the units", async () => {
  const copies = await Deno.makeTempDir();
  try {
    for (const unit of units) await Deno.writeTextFile(`${copies}/${unit}`, await installed(unit));
    const { code, stdout, stderr } = await run([
      ...["systemd-analyze", "verify", "--man=no"],
      ...units.map((unit) => `${copies}/${unit}`),
    ]);
    // systemd reads the units these depend on too, and other packages' may have mistakes.
    const ours = (stdout + stderr).split("\n").filter((line) => line.includes("sallyport"));
    deepStrictEqual([code, ours], [0, []]);
    // A test that finds nothing wrong must be able to.
    await Deno.writeTextFile(
      `${copies}/${units[0]}`,
      (await installed(units[0]!)).replace("Type=exec", "Type=exc"),
    );
    const broken = await run(["systemd-analyze", "verify", "--man=no", `${copies}/${units[0]}`]);
    match(broken.stderr, /sallyport-host\.service.*exc/);
  } finally {
    await Deno.remove(copies, { recursive: true });
  }
});

Deno.test("the host's unit restricts nothing that shells would inherit, and ends only the monitor", async () => {
  const lines = (await Deno.readTextFile(`${folder}/sallyport-host.service`)).split("\n");
  const keys = lines.flatMap((line) => /^([A-Za-z]+)=/.exec(line)?.[1] ?? []);
  const inherited =
    /^(Protect|Private|Restrict|Limit|SystemCall|Capability|Ambient|ReadOnly|ReadWrite|Inaccessible|NoNew|Lock|MemoryDeny|Umask|UMask|User|Group|Dynamic|Memory|CPU|IO|Nice|Device|Secure|Namespace|RemoveIPC|Keyring)/;
  deepStrictEqual(keys.filter((key) => inherited.test(key)), []);
  strictEqual(lines.includes("KillMode=process"), true);
});

Deno.test("each unit starts a verb there is, with the permissions that verb is given", async () => {
  const { permissions } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  for (const unit of units.slice(0, 2)) {
    const [, set, verb] = /-P=(\S+) \S+\/services\/main\.ts (\S+) --config/.exec(await installed(unit)) ?? [];
    strictEqual(set! in permissions, true, unit);
    const help = await run([Deno.execPath(), "run", "-A", `${root}/services/main.ts`, verb!, "--help"]);
    match(help.stdout, /--config <file>/);
  }
});
