/** The authentication methods of this gateway, one file each, and what the configuration makes of them. */

import type { PamAuth } from "../../../shared/protocol/lease.ts";
import { keyboardInteractive } from "./keyboard_interactive.ts";
import type { AuthMethod } from "./method.ts";
import { password } from "./password.ts";
import { publickey } from "./publickey.ts";

const methods: readonly AuthMethod[] = [publickey, keyboardInteractive, password];

/** Through these PAM's questions are answered. */
const answering = methods.filter((method) => method.answer).map((method) => method.name);

/** The ways in, as sshd's AuthenticationMethods lists them. */
export class AuthMethods {
  readonly #lists: string[][];

  /** @param lists Each one way in: a method, or `publickey` and another one after it */
  constructor(lists: string[][]) {
    this.#lists = lists;
  }

  /** Names to begin with, for SSH_MSG_USERAUTH_FAILURE, "methods that can continue" (RFC 4252 §5.1). */
  get first(): string[] {
    const names = this.#lists.map(([name]) => name);
    return methods.map(({ name }) => name).filter((name) => names.includes(name));
  }

  /** Names to go on with when a key was accepted and PAM asks for more. */
  get second(): string[] {
    const named = this.#lists.filter(([first]) => first === "publickey").flatMap((list) => list.slice(1));
    // The host asks although no list says so: whichever the client can do.
    return named.length > 0 ? [...new Set(named)] : answering;
  }

  /** Whether some way in is a key and nothing else. */
  get isKeyEnough(): boolean {
    return this.#lists.some(([first, ...more]) => first === "publickey" && more.length === 0);
  }

  named(name: string): AuthMethod | undefined {
    return methods.find((method) => method.name === name);
  }

  /** What is asked of the host's PAM after `method` has accepted. */
  pamAuth(method: string): PamAuth {
    if (method !== "publickey") return "alone";
    return this.isKeyEnough ? "host-decides" : "also";
  }
}
