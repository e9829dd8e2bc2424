import { killedTransfer } from "../support/killed_transfer.ts";

const [bytes, kills] = [500_000_000, 3];

Deno.test(`${bytes / 1e6} MB arrive whole although nats-server is killed ${kills} times on the way`, async () => {
  await killedTransfer(bytes, kills);
});
