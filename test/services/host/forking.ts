/**
 * A process that forks, as the zygote does, run by zygote_test.ts; it prints one JSON value.
 *
 * `forking.ts logins COUNT CONFDIR`: how many children went through a whole PAM login.
 * `forking.ts randomness COUNT`: what each child drew, from every source the worker has and from Deno's own.
 */

import { generateKeyPairSync } from "node:crypto";
import { makePipe, readInto, writeFrom } from "../../../ffi/descriptor.ts";
import { exitNow, forkProcess } from "../../../ffi/fork.ts";
import { waitChild } from "../../../ffi/process.ts";
import { kernelRandom } from "../../../ffi/random.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import { PamConversation } from "../../../services/host/worker/conversation.ts";
import { startTransaction } from "../../../services/host/worker/pam_session.ts";
import { warmUp } from "../../../services/host/worker/warm_up.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { ephemeralFrom, generateEphemeral } from "../../../shared/trust/exchange.ts";
import { privateKeyText } from "../../../shared/trust/keys.ts";

const goodCode = 42;

/** Runs `work` in a forked child and gives what it returned; null when the child failed. */
function inChild(work: () => string): string | null {
  const [readEnd, writeEnd] = makePipe();
  const pid = forkProcess();
  if (pid === 0) {
    try {
      writeFrom(writeEnd, new Uint8Array(new TextEncoder().encode(work())));
    } catch (error) {
      console.error(error);
      exitNow(1);
    }
    exitNow(goodCode);
  }
  closeDescriptor(writeEnd);
  const buffer = new Uint8Array(new ArrayBuffer(65_536));
  const length = readInto(readEnd, buffer);
  closeDescriptor(readEnd);
  const end = waitChild(pid);
  const isGood = end !== null && "code" in end && end.code === goodCode;
  return isGood && typeof length === "number" ? new TextDecoder().decode(buffer.subarray(0, length)) : null;
}

/** Every PAM call a login makes; the conversation's callback runs too. */
function logInAndOut(confdir: string): string {
  const conversation = new PamConversation({ notify: () => {} });
  const items = {
    login: "root",
    service: "forked",
    confdir,
    tty: "ssh",
    rhost: "192.0.2.7",
    connection: "192.0.2.7 50123 192.0.2.1 2222",
    user: "alice",
    roles: ["ops"],
    environment: [] satisfies [string, string][],
  };
  using pam = startTransaction(items, conversation.respond);
  pam.acctMgmt();
  pam.setCred("establish");
  pam.openSession();
  pam.closeSession();
  pam.setCred("delete");
  return conversation.said;
}

function drawEverything(): string {
  const own = ephemeralFrom(kernelRandom(32));
  return JSON.stringify({
    workers: [own.publicKey, privateKeyText(own.privateKey), kernelRandom(16).toHex()],
    denos: [
      generateEphemeral().publicKey,
      privateKeyText(generateKeyPairSync("ed25519").privateKey),
      crypto.getRandomValues(new Uint8Array(16)).toHex(),
      crypto.randomUUID(),
    ],
  });
}

if (import.meta.main) {
  const [what, count, confdir] = Deno.args;
  warmUp({ pam: { enabled: true } } as HostSettings);
  // Children would all see the generators in the state they have here.
  drawEverything();
  const work = what === "logins" ? () => logInAndOut(confdir!) : drawEverything;
  console.log(JSON.stringify(Array.from({ length: Number(count) }, () => inChild(work))));
}
