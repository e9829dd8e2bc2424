import assert from "node:assert/strict";
import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { ResponseCipher } from "../../../shared/trust/responses.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const cipher = (fill = 7) => new ResponseCipher(new Uint8Array(32).fill(fill));

Deno.test("ResponseCipher opens on one side what the other has sealed, in order, and wipes what it took", () => {
  const [gateway, worker] = [cipher(), cipher()];
  for (const answer of ["one", "two"]) {
    const secret = bytes(answer);
    const record = gateway.seal([secret]);
    assert.deepEqual(secret, new Uint8Array(3));
    assert.equal(new TextDecoder("latin1").decode(record).includes(answer), false);
    assert.deepEqual(worker.open(record, 1), [bytes(answer)]);
  }
});

Deno.test("ResponseCipher opens nothing twice, out of order, changed, short or of another key", () => {
  const gateway = cipher();
  const [first, second] = [gateway.seal([bytes("one")]), gateway.seal([bytes("two")])];
  const refuses = (worker: ResponseCipher, record: Uint8Array) =>
    assert.throws(() => worker.open(record, 1), ProtocolError);
  refuses(cipher(), second);
  refuses(cipher(8), first);
  refuses(cipher(), first.map((byte, index) => index === 9 ? byte ^ 1 : byte));
  refuses(cipher(), new Uint8Array(3));
  const worker = cipher();
  worker.open(first, 1);
  refuses(worker, first);
});
