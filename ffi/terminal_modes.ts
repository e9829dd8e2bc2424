/** Terminal modes as an SSH client sends them (RFC 4254 §8, RFC 8160), applied to a pseudo-terminal. */

import { Errno, lastErrno, SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // int tcgetattr(int fd, struct termios *termios_p) <termios.h>
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  // int tcsetattr(int fd, int optional_actions, const struct termios *termios_p) <termios.h>
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  // int cfsetispeed(struct termios *termios_p, speed_t speed) <termios.h>
  cfsetispeed: { parameters: ["buffer", "u32"], result: "i32" },
  // int cfsetospeed(struct termios *termios_p, speed_t speed) <termios.h>
  cfsetospeed: { parameters: ["buffer", "u32"], result: "i32" },
});

/** struct termios of glibc and musl: four tcflag_t, c_line @16, c_cc[32] @17, two speeds. */
const Termios = {
  size: 60,
  inputFlags: 0,
  outputFlags: 4,
  controlFlags: 8,
  localFlags: 12,
  controlChars: 17,
} as const;
const TCSANOW = 0;

/** Opcode → index in c_cc <asm-generic/termbits.h>. Linux has no VDSUSP (11), VFLUSH (15) and VSTATUS (17). */
const controlChars = new Map([
  [1, 0], // VINTR
  [2, 1], // VQUIT
  [3, 2], // VERASE
  [4, 3], // VKILL
  [5, 4], // VEOF
  [6, 11], // VEOL
  [7, 16], // VEOL2
  [8, 8], // VSTART
  [9, 9], // VSTOP
  [10, 10], // VSUSP
  [12, 12], // VREPRINT
  [13, 14], // VWERASE
  [14, 15], // VLNEXT
  [16, 7], // VSWTCH, Linux's VSWTC
  [18, 13], // VDISCARD
]);
/** An SSH client's 255 disables a control character; Linux writes _POSIX_VDISABLE, which is 0. */
const DISABLED = 255;
const VDISABLE = 0;

/** Opcode → field of termios and the bit in it <asm-generic/termbits.h>. */
const flags = new Map<number, readonly [field: number, bit: number]>([
  [30, [Termios.inputFlags, 0o4]], // IGNPAR
  [31, [Termios.inputFlags, 0o10]], // PARMRK
  [32, [Termios.inputFlags, 0o20]], // INPCK
  [33, [Termios.inputFlags, 0o40]], // ISTRIP
  [34, [Termios.inputFlags, 0o100]], // INLCR
  [35, [Termios.inputFlags, 0o200]], // IGNCR
  [36, [Termios.inputFlags, 0o400]], // ICRNL
  [37, [Termios.inputFlags, 0o1000]], // IUCLC
  [38, [Termios.inputFlags, 0o2000]], // IXON
  [39, [Termios.inputFlags, 0o4000]], // IXANY
  [40, [Termios.inputFlags, 0o10000]], // IXOFF
  [41, [Termios.inputFlags, 0o20000]], // IMAXBEL
  [42, [Termios.inputFlags, 0o40000]], // IUTF8, RFC 8160
  [50, [Termios.localFlags, 0o1]], // ISIG
  [51, [Termios.localFlags, 0o2]], // ICANON
  [52, [Termios.localFlags, 0o4]], // XCASE
  [53, [Termios.localFlags, 0o10]], // ECHO
  [54, [Termios.localFlags, 0o20]], // ECHOE
  [55, [Termios.localFlags, 0o40]], // ECHOK
  [56, [Termios.localFlags, 0o100]], // ECHONL
  [57, [Termios.localFlags, 0o200]], // NOFLSH
  [58, [Termios.localFlags, 0o400]], // TOSTOP
  [59, [Termios.localFlags, 0o100000]], // IEXTEN
  [60, [Termios.localFlags, 0o1000]], // ECHOCTL
  [61, [Termios.localFlags, 0o4000]], // ECHOKE
  [62, [Termios.localFlags, 0o40000]], // PENDIN
  [70, [Termios.outputFlags, 0o1]], // OPOST
  [71, [Termios.outputFlags, 0o2]], // OLCUC
  [72, [Termios.outputFlags, 0o4]], // ONLCR
  [73, [Termios.outputFlags, 0o10]], // OCRNL
  [74, [Termios.outputFlags, 0o20]], // ONOCR
  [75, [Termios.outputFlags, 0o40]], // ONLRET
  [92, [Termios.controlFlags, 0o400]], // PARENB
  [93, [Termios.controlFlags, 0o1000]], // PARODD
]);

/** CSIZE and its values: opcodes that choose, rather than switch on and off. */
const CSIZE = 0o60;
const characterSizes = new Map([[90, 0o40 /* CS7 */], [91, 0o60 /* CS8 */]]);

/** Bits per second → Bnnn <asm-generic/termbits.h>. B0 is left out: it means "hang up". */
const speeds = new Map([
  [50, 0o1],
  [75, 0o2],
  [110, 0o3],
  [134, 0o4],
  [150, 0o5],
  [200, 0o6],
  [300, 0o7],
  [600, 0o10],
  [1200, 0o11],
  [1800, 0o12],
  [2400, 0o13],
  [4800, 0o14],
  [9600, 0o15],
  [19200, 0o16],
  [38400, 0o17],
  [57600, 0o10001],
  [115200, 0o10002],
  [230400, 0o10003],
  [460800, 0o10004],
  [500000, 0o10005],
  [576000, 0o10006],
  [921600, 0o10007],
  [1000000, 0o10010],
  [1152000, 0o10011],
  [1500000, 0o10012],
  [2000000, 0o10013],
  [2500000, 0o10014],
  [3000000, 0o10015],
  [3500000, 0o10016],
  [4000000, 0o10017],
]);
const INPUT_SPEED = 128;
const OUTPUT_SPEED = 129;

/** TTY_OP_END, and the first opcode whose arguments RFC 4254 leaves undefined: parsing stops at both. */
const END = 0;
const FIRST_UNDEFINED = 160;
/** Opcode byte and uint32 argument. */
const ENTRY_BYTES = 5;

/**
 * Sets the modes of the terminal behind the pty `fd`. What Linux does not have, and what is cut short, is passed over.
 *
 * @param encoded The "encoded terminal modes" string of a pty-req, RFC 4254 §8
 * @throws {SystemError} If `fd` is not a terminal
 */
export function applyTerminalModes(fd: number, encoded: Uint8Array): void {
  const termios = new Uint8Array(new ArrayBuffer(Termios.size));
  unwrap("tcgetattr", libc().tcgetattr(fd, termios));
  for (const [opcode, value] of decodeTerminalModes(encoded)) setMode(termios, opcode, value);
  if (libc().tcsetattr(fd, TCSANOW, termios) === 0) return;
  const errno = lastErrno();
  // glibc's word for: all set but 7-bit characters or parity, which a pty does not have. As if the client had not asked.
  if (errno !== Errno.EINVAL) throw new SystemError("tcsetattr", errno);
}

/** The (opcode, argument) pairs of an "encoded terminal modes" string, up to its end or its first flaw. */
export function* decodeTerminalModes(encoded: Uint8Array): Generator<[opcode: number, value: number]> {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  for (let offset = 0; offset + ENTRY_BYTES <= encoded.length; offset += ENTRY_BYTES) {
    const opcode = view.getUint8(offset);
    if (opcode === END || opcode >= FIRST_UNDEFINED) return;
    yield [opcode, view.getUint32(offset + 1)];
  }
}

function setMode(termios: Uint8Array<ArrayBuffer>, opcode: number, value: number): void {
  const fields = new DataView(termios.buffer);
  const setBits = (field: number, mask: number, bits: number) =>
    fields.setUint32(field, (fields.getUint32(field, true) & ~mask) | bits, true);

  const controlChar = controlChars.get(opcode);
  if (controlChar !== undefined) {
    termios[Termios.controlChars + controlChar] = value === DISABLED ? VDISABLE : value;
    return;
  }
  const flag = flags.get(opcode);
  if (flag) return setBits(flag[0], flag[1], value === 0 ? 0 : flag[1]);
  const characterSize = characterSizes.get(opcode);
  if (characterSize !== undefined && value !== 0) {
    return setBits(Termios.controlFlags, CSIZE, characterSize);
  }
  const speed = speeds.get(value);
  if (speed === undefined) return;
  if (opcode === INPUT_SPEED) libc().cfsetispeed(termios, speed);
  if (opcode === OUTPUT_SPEED) libc().cfsetospeed(termios, speed);
}
