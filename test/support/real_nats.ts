/** The product on a real nats-server, with the rights that the embedded broker gives. */

import { auditorAllowList, gatewayAllowList, hostAllowList } from "../../shared/protocol/subjects.ts";
import { identity, type TestIdentity, TestServer } from "../services/broker/servers.ts";
import { type Sallyport, type SallyportOptions, startSallyport } from "./sallyport.ts";

export interface OnNats extends AsyncDisposable {
  sallyport: Sallyport;
  nats: TestServer;
}

/** Who is on the bus. */
export type Members = Record<"gateway" | "host" | "auditor", TestIdentity>;

/**
 * As {@link startSallyport}, without the embedded broker.
 *
 * @param serve Starts nats-server; by default one with the rights that the embedded broker gives
 */
export async function startOnNats(
  options: SallyportOptions = {},
  serve = (members: Members) => TestServer.start("nats-server", Object.values(members)),
): Promise<OnNats> {
  const members: Members = {
    gateway: identity(gatewayAllowList("gateway")),
    host: identity(hostAllowList("local")),
    auditor: identity(auditorAllowList("auditor")),
  };
  const nats = await serve(members);
  const seeds = Object.entries(members).map(([kind, { seed }]) => [`${kind}.nkey`, `${seed}\n`]);
  try {
    const sallyport = await startSallyport({
      ...options,
      files: { ...options.files, ...Object.fromEntries(seeds), "broker.identities": "[]\n" },
      config: {
        ...options.config,
        broker: null,
        bus: { ...options.config?.bus, servers: [nats.url] },
      },
    });
    return {
      sallyport,
      nats,
      async [Symbol.asyncDispose]() {
        await sallyport[Symbol.asyncDispose]();
        await nats[Symbol.asyncDispose]();
      },
    };
  } catch (cause) {
    await nats[Symbol.asyncDispose]();
    throw cause;
  }
}
