/** Memory for outgoing packets, with length, padding length and random padding filled in (RFC 4253 §6). */

import { Buffer } from "node:buffer";

/** Packets are cut from slabs: one allocation serves several of them. */
const slabBytes = 256 * 1024;
const minPadding = 4;

let slab = new ArrayBuffer(0);
let slabUsed = 0;

const randomness = new Uint8Array(16 * 1024);
let randomnessUsed = randomness.length;

function allocate(length: number): Buffer {
  if (length > slabBytes) return Buffer.from(new ArrayBuffer(length));
  if (slabUsed + length > slab.byteLength) {
    slab = new ArrayBuffer(slabBytes);
    slabUsed = 0;
  }
  const bytes = Buffer.from(slab, slabUsed, length);
  slabUsed += length;
  return bytes;
}

/** Fresh random bytes; asking the system for each packet's dozen would cost more than encrypting it. */
function fillRandom(target: Uint8Array): void {
  if (randomnessUsed + target.length > randomness.length) {
    crypto.getRandomValues(randomness);
    randomnessUsed = 0;
  }
  target.set(randomness.subarray(randomnessUsed, randomnessUsed + target.length));
  randomness.fill(0, randomnessUsed, randomnessUsed + target.length);
  randomnessUsed += target.length;
}

/**
 * Makes room for a packet; the payload goes to offset 5.
 *
 * @param blockBytes What the padded part is a multiple of
 * @param clearBytes How much of the 4-byte length is not part of what is padded: 4 when it is sent apart, else 0
 * @param tagBytes Room behind the packet for its tag
 */
export function allocatePacket(
  payloadBytes: number,
  { blockBytes, clearBytes, tagBytes }: { blockBytes: number; clearBytes: number; tagBytes: number },
): Buffer {
  const unpadded = 5 + payloadBytes;
  let padding = blockBytes - (unpadded - clearBytes) % blockBytes;
  if (padding < minPadding) padding += blockBytes;
  const packet = allocate(unpadded + padding + tagBytes);
  packet.writeUInt32BE(unpadded + padding - 4, 0);
  packet[4] = padding;
  fillRandom(packet.subarray(unpadded, unpadded + padding));
  return packet;
}
