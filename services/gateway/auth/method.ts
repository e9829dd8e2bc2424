/** What an authentication method is: one question asked of one attempt. */

// @ts-types="@types/ssh2"
import type { AuthContext } from "ssh2";
import type { Prompt } from "../../../shared/protocol/prompt.ts";
import type { Entrance, Way } from "../entrance.ts";

/** What a method may look at. */
export interface Attempt<Context extends AuthContext = AuthContext> {
  context: Context;
  /** What is asked for. */
  entrance: Entrance;
}

export type Verdict =
  /** Proven here, or to be proven to PAM, and allowed. */
  | { verdict: "accepted"; way: Way }
  /** The client asks whether a key would do before it signs (RFC 4252 §7); not an attempt yet. */
  | { verdict: "key-welcome" }
  | { verdict: "rejected"; reason: string };

export interface AuthMethod {
  /** RFC 4252 method name, as offered to the client. */
  name: string;
  judge(attempt: Attempt): Verdict | Promise<Verdict>;
  /**
   * Answers a question of PAM, if this method can.
   *
   * @returns The answers, wiped after use; `elsewhere` if another method has to give them; `null` if the person has left
   */
  answer?(context: AuthContext, prompt: Prompt): Promise<Uint8Array[] | "elsewhere" | null>;
}
