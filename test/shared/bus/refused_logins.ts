/**
 * `refused_logins.ts URL guarded|stock COUNT`: is refused COUNT times and says how many errors nobody caught.
 *
 * With `stock` it shows what the guard is for; that depends on timing, so no test asserts it.
 */

import { NatsConnectionImpl, nkeyAuthenticator, setTransportFactory } from "@nats-io/nats-core/internal";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import { connectBus } from "../../../shared/bus/nats.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import { span } from "../../support/wait.ts";

const [url = "", kind, count = "1"] = Deno.args;
const nkeySeed = new TextEncoder().encode(createNkey().seed);
let uncaught = 0;
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  uncaught++;
});

function connect(): Promise<unknown> {
  if (kind === "stock") {
    setTransportFactory({ factory: () => new NodeTransport(), dnsResolveFn: nodeResolveHost });
    return NatsConnectionImpl.connect({
      servers: url,
      authenticator: nkeyAuthenticator(nkeySeed),
      reconnect: false,
    });
  }
  return connectBus({
    settings: { servers: [url], nkeySeedFile: null, tls: null },
    credentials: { nkeySeed, tls: null },
    name: "stranger",
    onError: () => {},
  });
}

let refused = 0;
for (let tries = 0; tries < Number(count); tries++) {
  await connect().catch(() => refused++);
  // The late error comes a few milliseconds after the refusal.
  await span(10);
}
console.log(`${refused} refused, ${uncaught} uncaught`);
Deno.exit(0);
