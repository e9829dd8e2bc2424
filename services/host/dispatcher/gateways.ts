/** Which gateways live: a gateway that is silent or was restarted has lost its leases. */

import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { decodeGatewayHeartbeat } from "../../../shared/protocol/lease.ts";
import { heartbeatTimeoutMs } from "../../../shared/protocol/limits.ts";
import { openEnvelope } from "../../../shared/trust/envelope.ts";
import { type Trust, TrustError } from "../../../shared/trust/identity.ts";

interface Gateway {
  boot: string;
  /** Its own clock, to tell a replayed heartbeat. */
  at: number;
  /** This host's clock. */
  heardAt: number;
}

/** `gateway` has lost every lease, but for those it opened in the boot `except`. */
export type GatewayLost = (gateway: string, except: string | null, why: "silent" | "restarted") => void;

export class Gateways {
  readonly #trust: Trust;
  readonly #onLost: GatewayLost;
  readonly #gateways = new Map<string, Gateway>();

  constructor(trust: Trust, onLost: GatewayLost) {
    this.#trust = trust;
    this.#onLost = onLost;
  }

  /** A heartbeat off the bus; one that is not authentic or not new changes nothing. */
  heard(envelope: Uint8Array, now: number): void {
    let heartbeat;
    try {
      const { body, credential } = openEnvelope(envelope, this.#trust, "gateway", "gateway.heartbeat.v1");
      heartbeat = decodeGatewayHeartbeat(body);
      if (heartbeat.gateway !== credential.name) return;
    } catch (error) {
      if (error instanceof TrustError || error instanceof ProtocolError) return;
      throw error;
    }
    const { gateway, boot, at } = heartbeat;
    const known = this.#gateways.get(gateway);
    if (known && at <= known.at) return;
    this.#gateways.set(gateway, { boot, at, heardAt: now });
    if (known && known.boot !== boot) this.#onLost(gateway, boot, "restarted");
  }

  /**
   * `gateway` asks for a lease: it lives, whether its heartbeat came by already or not. Only heartbeats, which cannot
   * be replayed, tell of a restart.
   */
  met(gateway: string, boot: string, now: number): void {
    if (!this.#gateways.has(gateway)) this.#gateways.set(gateway, { boot, at: 0, heardAt: now });
  }

  /** Reports and forgets the gateways that have been silent for too long. */
  check(now: number): void {
    for (const [gateway, { heardAt }] of this.#gateways) {
      if (now - heardAt <= heartbeatTimeoutMs) continue;
      this.#gateways.delete(gateway);
      this.#onLost(gateway, null, "silent");
    }
  }

  /** The bus was away: nobody could be heard, so everybody's time starts anew. */
  excuse(now: number): void {
    for (const gateway of this.#gateways.values()) gateway.heardAt = now;
  }
}
