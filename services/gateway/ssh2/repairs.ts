/** Every repair of one connection, in the order in which they wrap each other. */

import type { Buffer } from "node:buffer";
import { repairFlow } from "./channel_flow.ts";
import { ExchangeWitness, useLibcrypto } from "./ciphers/mod.ts";
import { repairCertified } from "./certified.ts";
import { endOnError } from "./errors.ts";
import { repairExtInfo } from "./ext_info.ts";
import { announceHostKeys } from "./host_key_rotation.ts";
import type { HostKeys } from "./host_keys.ts";
import type { PayloadResult, SshClient } from "./internals.ts";
import { checkPoints } from "./kex_points.ts";
import { holdWrites } from "./kexinit_hold.ts";
import { watchLeave } from "./leave.ts";
import { Message } from "./messages.ts";
import { negotiateMlkem } from "./mlkem.ts";
import { repairOpenFailure } from "./open_failure.ts";
import { refuseTinyPackets } from "./packet_size.ts";
import { answerPing, answerUnimplemented, isKnownMessage } from "./ping.ts";
import { rekeyer, type RekeyLimits } from "./rekey.ts";
import { SessionChannels } from "./session_channel.ts";
import { sessionRequests } from "./session_requests.ts";
import { keepSecrets } from "./user_secrets.ts";
import { refuseWeakSignatures } from "./user_signatures.ts";

export interface RepairOptions {
  hostKeys: HostKeys;
  /** Sees K and H of every key exchange when packets are to be encrypted with libcrypto. */
  witness: ExchangeWitness | undefined;
  rekeyLimits: RekeyLimits;
}

/** Repairs what handles key exchanges: the first at the identification, later ones in the packet stream. */
function keyExchange(client: SshClient, witness: ExchangeWitness | undefined) {
  const { _protocol: protocol } = client;
  return (payload: Buffer, next: (payload: Buffer) => PayloadResult): PayloadResult => {
    const before = protocol._kex;
    const result = negotiateMlkem(protocol, payload, next);
    const exchange = protocol._kex;
    if (exchange && exchange !== before) {
      checkPoints(exchange);
      witness?.watch(exchange);
    }
    return result;
  };
}

/** Repairs a connection that has just been made; what is returned is to be called when its identification has come. */
export function repair(client: SshClient, options: RepairOptions): { onIdentified: () => void } {
  const { _protocol: protocol } = client;
  const { hostKeys, witness, rekeyLimits } = options;
  endOnError(client);
  repairCertified(client);
  watchLeave(client);
  refuseWeakSignatures(client);
  const onUserSecret = keepSecrets(client);
  repairExtInfo(client);
  announceHostKeys(client, hostKeys);
  const channels = new SessionChannels(client);
  repairFlow(client, channels.all);
  repairOpenFailure(client);
  refuseTinyPackets(client);
  if (witness) useLibcrypto(protocol, witness);

  const onKexInit = keyExchange(client, witness);
  const onChannelRequest = sessionRequests(client, (session, subtype) => channels.start(session, subtype));
  const rekeyWhenDue = rekeyer(client, rekeyLimits);
  const stock = protocol._onPayload;
  protocol._onPayload = (payload) => {
    rekeyWhenDue();
    const number = payload[0] ?? 0;
    if (number === Message.kexInit) return onKexInit(payload, stock);
    if (number === Message.channelRequest) onChannelRequest(payload);
    else if (number === Message.userauthRequest || number === Message.userauthInfoResponse) {
      return onUserSecret(payload, stock);
    } else if (number === Message.ping) answerPing(protocol, payload);
    else if (!isKnownMessage(number)) answerUnimplemented(protocol);
    else return stock(payload);
    return undefined;
  };

  return {
    onIdentified: () => {
      const release = holdWrites(client);
      const decipher = protocol._decipher;
      const first = decipher._onPayload;
      decipher._onPayload = (payload) => {
        release();
        return payload[0] === Message.kexInit ? onKexInit(payload, first) : first(payload);
      };
    },
  };
}
