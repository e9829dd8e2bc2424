import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { isOldServer, watchServerVersion } from "../../../shared/bus/server_version.ts";
import { connectTestBus } from "../../services/broker/clients.ts";
import { anyone, TestServer } from "../../services/broker/servers.ts";
import { run } from "../../support/command.ts";
import { until } from "../../support/wait.ts";

Deno.test("watchServerVersion() warns of an old nats-server once, and never of the embedded broker", async () => {
  const installed = /v(\d\S+)/.exec((await run(["nats-server", "--version"])).stdout)![1]!;
  for (const kind of ["nats-server", "broker"] as const) {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    await using test = await connectTestBus(server, me, "me");
    const warned: unknown[] = [];
    watchServerVersion(test.bus, (_message, { version }) => warned.push(version));
    const states: string[] = [];
    test.bus.onState((state) => states.push(state));
    await server.kill();
    await server.start();
    await until("it is up again", () => states.at(-1) === "up");
    strictEqual(test.bus.serverVersion, kind === "broker" ? null : installed);
    deepStrictEqual(warned, kind === "nats-server" && isOldServer(installed) ? [installed] : []);
  }
  match(installed, /^\d+\.\d+\.\d+/);
});
