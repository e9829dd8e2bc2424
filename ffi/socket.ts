/** AF_UNIX SOCK_SEQPACKET: whole records between processes, with descriptors by SCM_RIGHTS (unix(7), cmsg(3)). */

import { Errno, lastErrno, SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // int socketpair(int domain, int type, int protocol, int sv[2]) <sys/socket.h>
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags) <sys/socket.h>
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags) <sys/socket.h>
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  // int fcntl(int fd, int cmd, ... /* int arg */) <fcntl.h>
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int close(int fd) <unistd.h>
  close: { parameters: ["i32"], result: "i32" },
});

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_TRUNC = 0x20;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** More than any message of ours carries; SCM_MAX_FD is 253. */
const maxDescriptors = 8;
/** struct cmsghdr, then the descriptors: CMSG_SPACE(4 × maxDescriptors) */
const controlHeaderBytes = 16;
const controlBytes = controlHeaderBytes + 4 * maxDescriptors;

/** A struct msghdr with one iovec and room for one SCM_RIGHTS message, used for one call at a time. */
class MessageHeader {
  readonly #iovec = new BigUint64Array(2);
  readonly #control = new DataView(new ArrayBuffer(controlBytes));
  /** msg_name 0, msg_namelen 8, msg_iov 16, msg_iovlen 24, msg_control 32, msg_controllen 40, msg_flags 48 */
  readonly #header = new DataView(new ArrayBuffer(56));
  readonly bytes = new Uint8Array(this.#header.buffer);

  #aim(buffer: Uint8Array<ArrayBuffer>): void {
    // The address of the ArrayBuffer, not of the view: a small view may live on the V8 heap and move.
    this.#iovec[0] = address(buffer.buffer) + BigInt(buffer.byteOffset);
    this.#iovec[1] = BigInt(buffer.length);
    this.#header.setBigUint64(16, address(this.#iovec.buffer), true);
    this.#header.setBigUint64(24, 1n, true);
    this.#header.setInt32(48, 0, true);
  }

  #aimControl(length: number): void {
    this.#header.setBigUint64(32, length === 0 ? 0n : address(this.#control.buffer), true);
    this.#header.setBigUint64(40, BigInt(length), true);
  }

  forSending(record: Uint8Array<ArrayBuffer>, descriptors: number[]): void {
    this.#aim(record);
    const length = controlHeaderBytes + 4 * descriptors.length;
    this.#control.setBigUint64(0, BigInt(length), true);
    this.#control.setInt32(8, SOL_SOCKET, true);
    this.#control.setInt32(12, SCM_RIGHTS, true);
    descriptors.forEach((fd, index) => this.#control.setInt32(controlHeaderBytes + 4 * index, fd, true));
    this.#aimControl(descriptors.length === 0 ? 0 : length);
  }

  forReceiving(buffer: Uint8Array<ArrayBuffer>): void {
    this.#aim(buffer);
    this.#aimControl(controlBytes);
  }

  get flags(): number {
    return this.#header.getInt32(48, true);
  }

  /** Descriptors that came with the record just received. */
  descriptors(): number[] {
    const received = Number(this.#header.getBigUint64(40, true));
    if (received < controlHeaderBytes) return [];
    if (this.#control.getInt32(8, true) !== SOL_SOCKET) return [];
    if (this.#control.getInt32(12, true) !== SCM_RIGHTS) return [];
    const end = Number(this.#control.getBigUint64(0, true));
    const descriptors: number[] = [];
    for (let at = controlHeaderBytes; at + 4 <= end; at += 4) {
      descriptors.push(this.#control.getInt32(at, true));
    }
    return descriptors;
  }
}

function address(buffer: ArrayBuffer): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
}

let header: MessageHeader | undefined;

/** Repeats a call that a signal interrupted; any other failure is the caller's. */
function retried(call: () => number | bigint): number {
  for (;;) {
    const result = Number(call());
    if (result >= 0 || lastErrno() !== Errno.EINTR) return result;
  }
}

/** Two connected SEQPACKET sockets, both close-on-exec. @throws {SystemError} */
export function socketPair(): [number, number] {
  const pair = new Int32Array(new ArrayBuffer(8));
  unwrap("socketpair", libc().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  const [one, other] = pair;
  return [one ?? -1, other ?? -1];
}

/**
 * Sends one record, whole or not at all, with copies of `descriptors`.
 *
 * @throws {SystemError} EPIPE or ECONNRESET when the peer is gone, EAGAIN when a non-blocking socket is full
 * @throws {RangeError} If `record` is empty, which the peer could not tell from an end
 */
export function sendRecord(fd: number, record: Uint8Array<ArrayBuffer>, descriptors: number[] = []): void {
  if (record.length === 0) throw new RangeError("Cannot send an empty record");
  if (descriptors.length > maxDescriptors) {
    throw new RangeError(`Cannot send ${descriptors.length} descriptors: at most ${maxDescriptors}`);
  }
  const message = header ??= new MessageHeader();
  message.forSending(record, descriptors);
  unwrap("sendmsg", retried(() => libc().sendmsg(fd, message.bytes, MSG_NOSIGNAL)));
}

/** A record's length in the caller's buffer, and the descriptors that came with it: now the caller's to close. */
export type Received = { length: number; descriptors: number[] };

/**
 * Receives one record into `buffer`; its descriptors are close-on-exec. Those for which this process had no number
 * free are missing: whoever expects some must count them.
 *
 * @returns `null` when the peer has closed, `"again"` when a non-blocking socket has nothing
 * @throws {SystemError}
 * @throws {RangeError} If the record did not fit; its descriptors are closed
 */
export function receiveRecord(fd: number, buffer: Uint8Array<ArrayBuffer>): Received | null | "again" {
  const message = header ??= new MessageHeader();
  message.forReceiving(buffer);
  const length = retried(() => libc().recvmsg(fd, message.bytes, MSG_CMSG_CLOEXEC));
  if (length < 0) {
    const errno = lastErrno();
    if (errno === Errno.EAGAIN) return "again";
    if (errno === Errno.ECONNRESET) return null;
    throw new SystemError("recvmsg", errno);
  }
  const descriptors = message.descriptors();
  if ((message.flags & MSG_TRUNC) !== 0) {
    descriptors.forEach(closeDescriptor);
    throw new RangeError(`Cannot receive a record of more than ${buffer.length} bytes`);
  }
  if (length === 0) {
    descriptors.forEach(closeDescriptor);
    return null;
  }
  return { length, descriptors };
}

/** Sets or clears O_NONBLOCK on the open file description, which every copy of `fd` shares. @throws {SystemError} */
export function setNonBlocking(fd: number, on: boolean): void {
  const flags = unwrap("fcntl", libc().fcntl(fd, F_GETFL, 0));
  const wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  unwrap("fcntl", libc().fcntl(fd, F_SETFL, wanted));
}

/**
 * Closes `fd`. An error that close(2) reports after the descriptor is already gone is of no use to anyone.
 *
 * @throws {SystemError} EBADF: the descriptor was not open, so somebody's book-keeping is wrong
 */
export function closeDescriptor(fd: number): void {
  if (libc().close(fd) < 0 && lastErrno() === Errno.EBADF) throw new SystemError("close", Errno.EBADF);
}
