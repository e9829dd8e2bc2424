/** Whether this machine has what the host service needs. */

import { library, LibraryMissing } from "../../../ffi/library.ts";
import type { Finding } from "./finding.ts";

/** The Deno this project is written for and tested with. */
export const pinnedDeno = "2.9.6";

/** Errors and warnings about the machine itself; empty when all is there. */
export function machineFindings(): Finding[] {
  return [root, libpam, libcrypto, terminals, useradd, denoVersion, clock].flatMap((check) => check() ?? []);
}

function error(what: string, remedy: string): Finding {
  return { severity: "error", where: null, what, remedy };
}

function warning(what: string, remedy: string): Finding {
  return { severity: "warning", where: null, what, remedy };
}

function root(): Finding | undefined {
  if (Deno.uid() === 0) return;
  return error(
    `The host service cannot work as uid ${Deno.uid()}: PAM and accounts need root`,
    "run it as root, for instance with sudo",
  );
}

// int pam_start_confdir(const char *, const char *, const struct pam_conv *, const char *, pam_handle_t **)
// <security/pam_appl.h>, since Linux-PAM 1.4
const loadLibpam = library(["libpam.so.0"], {
  pam_start_confdir: { parameters: ["buffer", "buffer", "pointer", "buffer", "buffer"], result: "i32" },
});
// unsigned long OpenSSL_version_num(void) <openssl/crypto.h>
const loadLibcrypto = library(["libcrypto.so.3", "libcrypto.so.1.1"], {
  OpenSSL_version_num: { parameters: [], result: "u64" },
});

function libpam(): Finding | undefined {
  try {
    loadLibpam();
  } catch (cause) {
    if (!(cause instanceof LibraryMissing)) throw cause;
    return error(
      "libpam with pam_start_confdir (Linux-PAM 1.4 or newer) is not installed",
      "install it: apt-get install libpam0g libpam-modules, or dnf install pam",
    );
  }
}

function libcrypto(): Finding | undefined {
  try {
    loadLibcrypto();
  } catch (cause) {
    if (!(cause instanceof LibraryMissing)) throw cause;
    return warning(
      "libcrypto is not installed, so sessions are sealed and SSH is enciphered at a fraction of the speed",
      "install it: apt-get install libssl3, or dnf install openssl-libs",
    );
  }
}

function terminals(): Finding | undefined {
  if (isThere("/dev/ptmx") && isThere("/dev/pts")) return;
  return error("There are no pseudo-terminals", "mount them: mount -t devpts devpts /dev/pts");
}

function useradd(): Finding | undefined {
  if (["/usr/sbin/useradd", "/sbin/useradd"].some(isThere)) return;
  return warning(
    "useradd is not installed, so the bundled PAM stack cannot create accounts",
    "install it: apt-get install passwd, or dnf install shadow-utils",
  );
}

function denoVersion(): Finding | undefined {
  if (Deno.version.deno === pinnedDeno) return;
  return warning(
    `This is Deno ${Deno.version.deno}, and Sallyport is tested with ${pinnedDeno} only`,
    `run it as: npx -y deno@${pinnedDeno} task …`,
  );
}

/** This version was written after this moment, so no sane clock is before it. */
const writtenAt = Date.parse("2026-01-01T00:00:00Z");

function clock(): Finding | undefined {
  if (Date.now() >= writtenAt) return;
  return error(
    `The clock says ${new Date().toISOString()}, which is before this program was written`,
    "set it, for instance with timedatectl set-ntp true: signed requests expire by the clock",
  );
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
