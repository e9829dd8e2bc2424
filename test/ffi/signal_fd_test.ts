import assert from "node:assert/strict";
import { signalNumbers } from "../../shared/protocol/names.ts";
import { inOwnProcess } from "./own_process.ts";

Deno.test("blockSignals() holds signals back in the program the process becomes, and no others", async () => {
  const endedBy = async (name: string) => {
    const { stdout, signal } = await inOwnProcess((ffi, { name, blocked }) => {
      ffi.blockSignals(blocked);
      ffi.execReplace("/bin/sh", ["sh", "-c", `kill -${name} $$; echo alive`], []);
    }, { name, blocked: [signalNumbers.TERM, signalNumbers.INT] });
    return [stdout, signal];
  };
  assert.deepEqual(await endedBy("TERM"), ["alive\n", null]);
  assert.deepEqual(await endedBy("USR1"), ["", "SIGUSR1"]);
});

Deno.test("takeSignal() gives what waits, one after the other, and then nothing", async () => {
  const { value } = await inOwnProcess((ffi, { TERM, INT, STOP }) => {
    const fd = ffi.openSignals([TERM, INT]);
    const none = ffi.takeSignal(fd);
    ffi.closeDescriptor(fd);
    let unknown = "";
    try {
      ffi.openSignals([STOP + 100]);
    } catch (error) {
      unknown = String(error);
    }
    return { none, unknown };
  }, { ...signalNumbers, STOP: 19 });
  assert.equal(value?.none, null);
  assert.match(value!.unknown, /EINVAL|Invalid/);
});
