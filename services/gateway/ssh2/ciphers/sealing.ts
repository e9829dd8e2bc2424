/** Encrypting outgoing packets in place, one socket write each; stock writes three pieces per packet. */

import type { Buffer } from "node:buffer";
import type { PacketCipher } from "../internals.ts";
import { allocatePacket } from "./packet_memory.ts";

/** What one cipher suite does with a packet. */
export interface Sealer extends Disposable {
  readonly blockBytes: number;
  readonly clearBytes: number;
  readonly tagBytes: number;
  /** Encrypts in place and fills in the tag, the last `tagBytes` of `packet`. */
  seal(packet: Uint8Array, sequence: number): void;
}

export class SealingCipher implements PacketCipher {
  outSeqno: number;
  readonly #sealer: Sealer;
  readonly #onWrite: (packet: Buffer) => void;
  #freed = false;

  constructor(sealer: Sealer, sequence: number, onWrite: (packet: Buffer) => void) {
    this.#sealer = sealer;
    this.outSeqno = sequence;
    this.#onWrite = onWrite;
  }

  free(): void {
    this.#freed = true;
    this.#sealer[Symbol.dispose]();
  }

  allocPacket(payloadBytes: number): Buffer {
    return allocatePacket(payloadBytes, this.#sealer);
  }

  encrypt(packet: Buffer): void {
    if (this.#freed) return;
    this.#sealer.seal(packet, this.outSeqno);
    this.outSeqno = (this.outSeqno + 1) >>> 0;
    this.#onWrite(packet);
  }
}
