/** Every repair of one connection, in the order in which they wrap each other. */

import { repairFlow } from "./channel_flow.ts";
import { disconnect } from "./disconnect.ts";
import type { HostKeys } from "./host_keys.ts";
import type { SshClient } from "./internals.ts";
import { DisconnectReason, Message } from "./messages.ts";
import { repairOpenFailure } from "./open_failure.ts";
import { SessionChannels } from "./session_channel.ts";
import { sessionRequests } from "./session_requests.ts";
import { ProtocolViolation } from "./wire_reader.ts";

/** Applied as soon as the connection exists. */
export function repair(client: SshClient, _hostKeys: HostKeys): void {
  const { _protocol: protocol } = client;
  const channels = new SessionChannels(client);
  repairFlow(client, channels.all);
  repairOpenFailure(client);
  const onChannelRequest = sessionRequests(client, (session, subtype) => channels.start(session, subtype));

  const stock = protocol._onPayload;
  protocol._onPayload = (payload) => {
    try {
      switch (payload[0]) {
        case Message.channelRequest:
          onChannelRequest(payload);
          return undefined;
        default:
          return stock(payload);
      }
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      disconnect(client, DisconnectReason.protocolError, error.message);
      client.emit("error", error);
      return Infinity;
    }
  };
}

/** Applied when the client's identification has come and our KEXINIT has not gone yet. */
export function onIdentified(_client: SshClient): void {
}
