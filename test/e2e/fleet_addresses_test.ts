/** Naming a host of a fleet: by its name, by labels, and asking the gateway which there are. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { Sections } from "../../examples/fleet/fleet.ts";
import { startFleet } from "../support/fleet.ts";
import { Lines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { until } from "../support/wait.ts";

const labels: Record<string, Record<string, string>> = {
  "host-1": { env: "prod", role: "web" },
  "host-2": { env: "prod", role: "db" },
  "host-3": { env: "test", role: "web" },
};

interface HostLine {
  name: string;
  state: string;
  labels: Record<string, string>;
}

Deno.test("hosts are named by labels, and listed by the gateway", async (t) => {
  await using fleet = await startFleet({
    config: ({ kind, name }): Sections => kind === "host" ? { host: { labels: labels[name] } } : {},
  });
  const [first, second] = fleet.gateways;
  const list = async (gateway = first): Promise<HostLine[]> => {
    const { stdout, code } = await fleet.ssh("+hosts", "json", { gateway: gateway! });
    strictEqual(code, 0);
    return stdout.trim().split("\n").map((line) => JSON.parse(line));
  };
  const whole = fleet.hosts.map(({ name }) => ({ name, state: "up", labels: labels[name] }));
  const brief = (lines: HostLine[]) => lines.map(({ name, state, labels }) => ({ name, state, labels }));

  await t.step("+hosts lists them, at each gateway", async () => {
    await until("both have heard all", async () => (await list()).length + (await list(second)).length === 6);
    deepStrictEqual(brief(await list()), whole);
    deepStrictEqual(brief(await list(second)), whole);
    const { stdout } = await fleet.ssh("+hosts", "");
    match(
      stdout,
      /^HOST +STATE +LOGINS +LOAD +VERSION +LABELS\nhost-1 +up +0 +\S+ +\S+ +env=prod,role=web\n/,
    );
  });

  await t.step("labels that one host has lead to it", async () => {
    const login = newLogin();
    strictEqual((await fleet.ssh(`${login}+env=test`, "hostname")).stdout, "host-3\n");
    strictEqual((await fleet.ssh(`${login}+role=db,env=prod`, "hostname")).stdout, "host-2\n");
  });

  await t.step("labels that several have, or none, are answered by names", async () => {
    const refused = async (login: string) => {
      const { stderr, code } = await fleet.ssh(login, "true", { options: ["-o", "LogLevel=INFO"] });
      strictEqual(code, 255);
      return stderr;
    };
    match(await refused(`${newLogin()}+env=prod`), /host-1, host-2\.?\s+Several hosts have these labels/);
    match(await refused(`${newLogin()}+env=nowhere`), /No host that you may log in to has these labels/);
    match(await refused(`${newLogin()}+host-9`), /log in to host-1, host-2, host-3\.\s+No host of this name/);
  });

  await t.step("words that are no option are explained, and commands that are none", async () => {
    const wrong = await fleet.ssh("+hosts", "colour");
    deepStrictEqual([wrong.code, /too many arguments/.test(wrong.stdout)], [2, true]);
    const unknown = await fleet.ssh("+nonsense", "");
    strictEqual(unknown.code, 1);
    match(unknown.stderr, /no such command.*\+hosts, \+sessions/);
  });

  await t.step("a dead host is told within 15 seconds, to who watches and to who asks for it", async () => {
    const watching = fleet.spawn("+hosts", "watch json");
    const lines = new Lines(watching.stdout);
    const next = async (): Promise<HostLine> => JSON.parse(await lines.next());
    strictEqual((await next()).name, "host-1");
    const host = fleet.hosts[2]!;
    await fleet.kill(host, "monitor");
    const killedAt = performance.now();
    for (let line = await next(); line.name !== "host-3" || line.state === "up"; line = await next());
    const tookMs = performance.now() - killedAt;
    strictEqual(tookMs < 15_000, true, `${tookMs} ms`);
    const asked = performance.now();
    const { stderr } = await fleet.ssh(`${newLogin()}+host-3`, "true", { options: ["-o", "LogLevel=INFO"] });
    match(stderr, /The host does not answer/);
    strictEqual(performance.now() - asked < 3_000, true);
    watching.kill("SIGTERM");
    await watching.status;
    await lines.cancel();
    await watching.stderr.cancel();
    await watching.stdin.close();
  });
});
