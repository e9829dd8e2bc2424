/**
 * The frame on the wire, big endian:
 *
 *     0  u8  version (1)     1  u8  zero     2  u48  counter        in clear, authenticated; the nonce
 *     8  u32 stream         12  u8  type    13  u8   flags          sealed from here on
 *    14  u48 pos            20  u48 ack     26  u32  credit
 *    30  payload …          then the 16-byte tag
 *
 * `pos` is where this record begins in the sender's stream, counting each record's payload plus its header; `ack`
 * is the next position expected from the peer; `credit` is how far beyond `ack` the peer may send.
 */

import { maxFrameBytes } from "../protocol/limits.ts";
import { nonceBytes, tagBytes } from "./aead.ts";

export const frameVersion = 1;
export const clearBytes = 8;
export const innerBytes = 22;
/** Payload of one record at most. */
export const maxPayloadBytes = maxFrameBytes - clearBytes - innerBytes - tagBytes;
/** Frames of at least this type number are not part of the sequence. */
export const firstUnsequenced = 16;
/** Unsequenced frames. */
export const FrameType = {
  ack: 16,
  /** "I have sent up to pos: what have you got?" */
  probe: 17,
  /** "Send again from ack." */
  nak: 18,
  /** "I have forgotten this stream." */
  gone: 19,
  /** "Send no further than ack + credit, if you have not yet": the window is wanted elsewhere. */
  lower: 20,
  /** "I send no further than pos." */
  lowered: 21,
} as const;

/** Bits of the flags; unknown ones are ignored. */
export const FrameFlag = {
  /** The message goes on in the next record. */
  more: 1,
  /** The sender had to wait for the window before this record. */
  waited: 2,
} as const;

export interface InnerHeader {
  stream: number;
  type: number;
  flags: number;
  pos: number;
  ack: number;
  credit: number;
}

const high = 0x1_0000_0000;
export const maxCounter = 2 ** 48 - 1;

export function writeUint48(view: DataView, offset: number, value: number): void {
  view.setUint16(offset, Math.floor(value / high));
  view.setUint32(offset + 2, value >>> 0);
}

export function readUint48(view: DataView, offset: number): number {
  return view.getUint16(offset) * high + view.getUint32(offset + 2);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function writeInner(plain: Uint8Array, header: InnerHeader): void {
  const view = viewOf(plain);
  view.setUint32(0, header.stream);
  view.setUint8(4, header.type);
  view.setUint8(5, header.flags);
  writeUint48(view, 6, header.pos);
  stampAck(view, header.ack, header.credit);
}

/** Acknowledgements are as of the transmission, not of the record. */
export function stampAck(view: DataView, ack: number, credit: number): void {
  writeUint48(view, 12, ack);
  view.setUint32(18, Math.min(Math.max(0, credit), high - 1));
}

export function readInner(plain: Uint8Array): InnerHeader {
  const view = viewOf(plain);
  return {
    stream: view.getUint32(0),
    type: view.getUint8(4),
    flags: view.getUint8(5),
    pos: readUint48(view, 6),
    ack: readUint48(view, 12),
    credit: view.getUint32(18),
  };
}

export function writeClear(frame: Uint8Array, counter: number): void {
  const view = viewOf(frame);
  view.setUint8(0, frameVersion);
  view.setUint8(1, 0);
  writeUint48(view, 2, counter);
}

/** The counter of a frame that could be one of ours, or `null`. */
export function readClear(frame: Uint8Array): number | null {
  if (frame.length < clearBytes + innerBytes + tagBytes || frame.length > maxFrameBytes) return null;
  if (frame[0] !== frameVersion || frame[1] !== 0) return null;
  return readUint48(viewOf(frame), 2);
}

/** The nonce of a counter: unique per key because the counter moves at every transmission. */
export function writeNonce(nonce: Uint8Array, counter: number): void {
  writeUint48(viewOf(nonce), nonceBytes - 6, counter);
}
