/** Which gateways live: a gateway that is silent or was restarted has lost its leases. */

import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { decodeGatewayHeartbeat } from "../../../shared/protocol/lease.ts";
import { heartbeatTimeoutMs } from "../../../shared/protocol/limits.ts";
import { openEnvelope } from "../../../shared/trust/envelope.ts";
import { type Trust, TrustError } from "../../../shared/trust/identity.ts";

/** One run of a gateway's process. While it drains there may be another of the same name. */
interface Life {
  /** Its own clock, to tell a replayed heartbeat; 0 before the first. */
  at: number;
  /** This host's clock. */
  heardAt: number;
  isDraining: boolean;
}

interface Gateway {
  /** The latest `at` of all its lives: none that begins was before. */
  latest: number;
  /** By boot id. */
  lives: Map<string, Life>;
}

/** `gateway` has lost the leases it opened in the life `boot`. */
export type GatewayLost = (gateway: string, boot: string, why: "silent" | "restarted") => void;

export class Gateways {
  readonly #trust: Trust;
  readonly #onLost: GatewayLost;
  readonly #onRevocations: (gateway: string, serial: number) => void;
  readonly #onFirstBeat: (gateway: string) => void;
  readonly #gateways = new Map<string, Gateway>();

  /**
   * @param onRevocations A heartbeat of `gateway` says which list of revoked members it knows
   * @param onFirstBeat A process of `gateway` is heard for the first time
   */
  constructor(
    trust: Trust,
    onLost: GatewayLost,
    onRevocations: (gateway: string, serial: number) => void = () => {},
    onFirstBeat: (gateway: string) => void = () => {},
  ) {
    this.#onFirstBeat = onFirstBeat;
    this.#trust = trust;
    this.#onLost = onLost;
    this.#onRevocations = onRevocations;
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
    const { gateway: name, boot, at, draining: isDraining } = heartbeat;
    const gateway = this.#named(name);
    const known = gateway.lives.get(boot);
    const hasBeaten = known !== undefined && known.at > 0;
    if (at <= (hasBeaten ? known.at : gateway.latest)) return;
    gateway.latest = Math.max(gateway.latest, at);
    gateway.lives.set(boot, { at, heardAt: now, isDraining });
    if (!hasBeaten) {
      this.#onRestarted(name, gateway, boot);
      this.#onFirstBeat(name);
    }
    this.#onRevocations(name, heartbeat.revocations);
  }

  #named(name: string): Gateway {
    let gateway = this.#gateways.get(name);
    if (!gateway) this.#gateways.set(name, gateway = { latest: 0, lives: new Map() });
    return gateway;
  }

  /** Whoever said before that it drains goes on beside its successor. */
  #onRestarted(name: string, { lives }: Gateway, newBoot: string): void {
    for (const [boot, { isDraining }] of lives) {
      if (boot === newBoot || isDraining) continue;
      lives.delete(boot);
      this.#onLost(name, boot, "restarted");
    }
  }

  /**
   * `gateway` asks for a lease: it lives, whether its heartbeat came by already or not. Only heartbeats, which cannot
   * be replayed, tell of a restart.
   */
  met(gateway: string, boot: string, now: number): void {
    const { lives } = this.#named(gateway);
    if (!lives.has(boot)) lives.set(boot, { at: 0, heardAt: now, isDraining: false });
  }

  /** Reports and forgets the gateways that have been silent for too long. */
  check(now: number): void {
    for (const [name, { lives }] of this.#gateways) {
      for (const [boot, { heardAt }] of lives) {
        if (now - heardAt <= heartbeatTimeoutMs) continue;
        lives.delete(boot);
        this.#onLost(name, boot, "silent");
      }
      if (lives.size === 0) this.#gateways.delete(name);
    }
  }

  /** The bus was away: nobody could be heard, so everybody's time starts anew. */
  excuse(now: number): void {
    for (const { lives } of this.#gateways.values()) {
      for (const life of lives.values()) life.heardAt = now;
    }
  }
}
