/**
 * `main.ts SETTINGS.json [--with-parent]`: the broker as a process of its own.
 *
 * Reads its settings and binds, drops its privileges when it has any, says where it listens as one line of JSON
 * on stdout (`{"listening":"127.0.0.1:4222"}`), and only then accepts.
 */

import { dropPrivileges } from "../../ffi/privileges.ts";
import { getLogger, setUpLogging } from "../../shared/log.ts";
import { parentGone, withParent } from "../../shared/parent.ts";
import { Broker, type BrokerEvent } from "./broker.ts";
import { readBrokerSettings } from "./settings.ts";

const log = getLogger(["sallyport", "broker"]);

function logEvent(event: BrokerEvent): void {
  switch (event.kind) {
    case "connected":
      return log.debug("Connected: {identity}", { client: event.client, identity: event.identity });
    case "ended":
      return log.debug("Disconnected: {reason}", {
        client: event.client,
        identity: event.identity,
        reason: event.reason,
      });
    case "failed":
      return log.error("Cannot accept a connection: {cause}", { cause: String(event.cause) });
    default:
      return event satisfies never;
  }
}

async function main(path: string | undefined, flag: string | undefined): Promise<void> {
  if (path === undefined) {
    throw new TypeError("Cannot start the broker without its settings: main.ts SETTINGS.json");
  }
  const settings = readBrokerSettings(Deno.readFileSync(path));
  setUpLogging({ service: "broker", level: settings.logLevel, format: settings.logFormat });
  await using broker = new Broker({ ...settings, onEvent: logEvent });
  if (Deno.uid() === 0) dropPrivileges(settings);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, stopped.resolve);
  // There is nothing to read again; an operator's SIGHUP for the gateway must not cost everybody the bus.
  Deno.addSignalListener("SIGHUP", () => {});
  broker.accept();
  const { hostname, port } = broker.address;
  console.log(JSON.stringify({ listening: `${hostname}:${port}` }));
  if (flag === withParent) parentGone().then(stopped.resolve);
  await stopped.promise;
}

if (import.meta.main) {
  try {
    await main(Deno.args[0], Deno.args[1]);
    Deno.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(111);
  }
}
