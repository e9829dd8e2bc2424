/** The authentication methods this gateway offers, in the order it offers them. One file each. */

import type { AuthMethod } from "./method.ts";
import { publickey } from "./publickey.ts";

const methods: readonly AuthMethod[] = [publickey];

/** Names for SSH_MSG_USERAUTH_FAILURE, "methods that can continue" (RFC 4252 §5.1). */
export const methodNames = methods.map((method) => method.name);

export function methodNamed(name: string): AuthMethod | undefined {
  return methods.find((method) => method.name === name);
}
