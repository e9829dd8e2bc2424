/**
 * Passwords and answers of a person, as bytes that are wiped after use.
 *
 * Stock: both are decoded into JavaScript strings, which nobody can wipe, and what is not UTF-8 is lost
 * (lib/protocol/handlers.misc.js USERAUTH_REQUEST, USERAUTH_INFO_RESPONSE).
 */

import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { AuthContext, KeyboardAuthContext } from "ssh2";
import type { PayloadResult, SshClient } from "./internals.ts";
import { byte, Message, string, uint32 } from "./messages.ts";
import { ProtocolViolation, WireReader } from "./wire_reader.ts";

/** One question to the person; `echo` says whether the answer may be seen. */
export interface Question {
  text: string;
  echo: boolean;
}

type Responses = Uint8Array<ArrayBuffer>[] | null;

/** Whoever waits for the answers of a client; by the protocol its contexts share. */
const waiting = new WeakMap<object, (responses: Responses) => void>();

/** RFC 4256 §3.4 sets no bound; PAM asks 32 questions at most in one call. */
const maxResponses = 32;

/**
 * Takes SSH_MSG_USERAUTH_REQUEST and SSH_MSG_USERAUTH_INFO_RESPONSE of `client` before stock code sees what is secret in
 * them. Returns what is to be called with each.
 */
export function keepSecrets(
  client: SshClient,
): (payload: Buffer, next: (payload: Buffer) => PayloadResult) => PayloadResult {
  const { _protocol: protocol } = client;
  const stock = protocol._handlers.USERAUTH_REQUEST;
  let password: Uint8Array<ArrayBuffer> | null = null;
  protocol._handlers.USERAUTH_REQUEST = (self, username, service, method, methodData) =>
    stock(self, username, service, method, method === "password" ? password : methodData);
  client.once("close", () => waiting.get(protocol)?.(null));
  return (payload, next) => {
    if (payload[0] === Message.userauthInfoResponse) {
      const take = waiting.get(protocol);
      const responses = readResponses(payload);
      payload.fill(0);
      if (take) take(responses);
      else responses.forEach((response) => response.fill(0));
      return undefined;
    }
    const request = readPasswordRequest(payload);
    if (!request) return next(payload);
    payload.fill(0);
    password = request.password;
    return next(request.withoutPassword);
  };
}

function readResponses(payload: Buffer): Uint8Array<ArrayBuffer>[] {
  const reader = new WireReader(payload, 1);
  const count = reader.uint32();
  if (count > maxResponses) throw new ProtocolViolation(`Cannot take ${count} answers`);
  return Array.from({ length: count }, () => reader.copy());
}

/** RFC 4252 §8; `null` for other methods. A request to change the password has no password: we never ask for one. */
function readPasswordRequest(payload: Buffer) {
  const reader = new WireReader(payload, 1);
  const [user, service, method] = [reader.view(), reader.view(), reader.view()];
  if (new TextDecoder().decode(method) !== "password") return null;
  const isChange = reader.boolean();
  const password = reader.copy();
  if (isChange) password.fill(0);
  const withoutPassword = Buffer.concat([
    byte(Message.userauthRequest),
    ...[user, service, method].map(string),
    byte(0),
    uint32(0),
  ]);
  return { password: isChange ? null : password, withoutPassword };
}

/** The password of a `password` request, to be wiped by the caller; `null` if the client wants to change it. */
export function passwordOf(context: AuthContext): Uint8Array<ArrayBuffer> | null {
  return (context as AuthContext & { password: Uint8Array<ArrayBuffer> | null }).password;
}

/**
 * Puts questions to the person behind a `keyboard-interactive` request (SSH_MSG_USERAUTH_INFO_REQUEST, RFC 4256 §3.2).
 *
 * @returns The answers, as many as there are questions, to be wiped by the caller; `null` if the person has left, has
 *   turned to another method, or the client sends another number of answers
 */
export async function askQuestions(
  context: KeyboardAuthContext,
  instruction: string,
  questions: Question[],
): Promise<Responses> {
  const { _protocol: protocol } = context as KeyboardAuthContext & { _protocol: object };
  const { promise, resolve } = Promise.withResolvers<Responses>();
  const giveUp = () => resolve(null);
  waiting.set(protocol, resolve);
  context.on("abort", giveUp);
  const prompts = questions.map(({ text, echo }) => ({ prompt: text, echo }));
  context.prompt(prompts, "", instruction, () => {});
  const responses = await promise;
  context.removeListener("abort", giveUp);
  if (waiting.get(protocol) === resolve) waiting.delete(protocol);
  if (responses?.length === questions.length) return responses;
  responses?.forEach((response) => response.fill(0));
  return null;
}
