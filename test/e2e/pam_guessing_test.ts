/** Somebody who guesses faster than PAM refuses: RFC 4252 §5.1 lets a client abandon a request, but not its verdict. */

import assert from "node:assert/strict";
import { byte, string, uint32 } from "../../services/gateway/ssh2/messages.ts";
import { RawClient } from "../services/gateway/ssh2/kit.ts";
import { accountWith } from "../support/logins.ts";
import { pamAsks, startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

const stack = `
auth     required pam_unix.so nodelay
auth     required pam_exec.so quiet /bin/sleep 0.3
account  required pam_unix.so
session  required pam_permit.so
`;

Deno.test("guesses that are abandoned before PAM has refused them count all the same", async () => {
  await using sallyport = await startSallyport({
    stack,
    config: { ...pamAsks, gateway: { MaxAuthTries: 4 } },
  });
  const login = await accountWith("correct horse");
  await using client = new RawClient();
  client.isOwn = (number) => number >= 50 && number <= 61;
  client.connect(sallyport.port, { authHandler: () => undefined });
  await client.take(6); // SERVICE_ACCEPT
  let isClosed = false;
  client.closed.then(() => isClosed = true);
  const request = () =>
    client.send(byte(50), ...[login, "ssh-connection", "keyboard-interactive", "", ""].map(string));
  let guesses = 0;
  request();
  for (; guesses < 12 && !isClosed; guesses++) {
    const asked = await client.take(60).catch(() => null);
    if (!asked) break;
    client.send(byte(61), uint32(1), string(guesses < 6 ? "wrong" : "correct horse"));
    request(); // Not waiting for the verdict.
  }
  await until("the gateway has had enough", () => isClosed);
  assert.equal(guesses, 4);
  assert.equal(client.received.some(({ number }) => number === 52), false, "nobody has got in");
  await until("no lease is left", async () => await sallyport.leases() === 0);
});
