/**
 * `unprivileged.ts SETTINGS_JSON NAME`: reads its credentials as root, becomes somebody who may read nothing here,
 * then connects, and prints every state of the bus and whether it still reaches itself.
 */

import { dropPrivileges } from "../../../ffi/privileges.ts";
import { readBusCredentials } from "../../../shared/bus/credentials.ts";
import { connectBus } from "../../../shared/bus/nats.ts";

const foreignId = 47_312;

const [json = "", name = ""] = Deno.args;
const settings = JSON.parse(json);
const credentials = readBusCredentials(settings);
dropPrivileges({ uid: foreignId, gid: foreignId });
const bus = await connectBus({
  settings,
  credentials,
  name,
  waitForFirst: true,
  onError: (cause) => console.log(`error ${cause}`),
});
bus.subscribe("echo", (message) => message.respond(message.data));

async function tell(state: string): Promise<void> {
  const answer = state === "up" ? await bus.request("echo", new Uint8Array(3), { timeoutMs: 5_000 }) : null;
  console.log(answer ? `${state} ${answer.length}` : state);
}

bus.onState((state) => void tell(state));
await tell(bus.state);
