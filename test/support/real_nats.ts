/** The product on a real nats-server, with the rights that the embedded broker gives. */

import { createNkey } from "../../shared/bus/nkeys.ts";
import { auditorAllowList, gatewayAllowList, hostAllowList } from "../../shared/protocol/subjects.ts";
import { TestServer } from "../services/broker/servers.ts";
import { type Sallyport, type SallyportOptions, startSallyport } from "./sallyport.ts";

export interface OnNats extends AsyncDisposable {
  sallyport: Sallyport;
  nats: TestServer;
}

/** As {@link startSallyport}, without the embedded broker. */
export async function startOnNats(options: SallyportOptions = {}): Promise<OnNats> {
  const members = {
    gateway: { ...createNkey(), allow: gatewayAllowList("gateway") },
    host: { ...createNkey(), allow: hostAllowList("local") },
    auditor: { ...createNkey(), allow: auditorAllowList("auditor") },
  };
  const identities = Object.entries(members).map(([kind, { publicKey, allow }]) => ({
    kind,
    publicKey,
    allow,
  }));
  const nats = await TestServer.start("nats-server", identities);
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
