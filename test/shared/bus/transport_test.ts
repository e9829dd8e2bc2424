import assert from "node:assert/strict";
import { Socket } from "node:net";
import { withErrorListener } from "../../../shared/bus/transport.ts";
import { run } from "../../support/command.ts";
import { anyone, TestServer } from "../../services/broker/servers.ts";

const refusedLogins = new URL("refused_logins.ts", import.meta.url).pathname;
const config = new URL("../../../deno.json", import.meta.url).pathname;

Deno.test("withErrorListener() leaves no moment without an error listener, as the stock socket does", () => {
  const bare = new Socket();
  bare.removeAllListeners();
  assert.throws(() => bare.emit("error", new Error("late")), /late/);
  const guarded = withErrorListener(new Socket());
  for (const names of [[], ["error"], [undefined]] as [string?][]) {
    guarded.removeAllListeners(...names as []);
    assert.ok(guarded.emit("error", new Error("late")));
  }
  guarded.destroy();
  bare.destroy();
});

Deno.test("withErrorListener() still removes the listeners it is asked to", () => {
  const socket = withErrorListener(new Socket());
  let heard = 0;
  for (const name of ["data", "close"]) socket.on(name, () => heard++);
  socket.removeAllListeners("data");
  socket.emit("data");
  socket.emit("close");
  assert.equal(heard, 1);
  socket.removeAllListeners();
  socket.emit("close");
  assert.equal(heard, 1);
  socket.destroy();
});

Deno.test("connectBus() survives many refused logins", async () => {
  await using server = await TestServer.start("nats-server", [anyone()]);
  const argv = [Deno.execPath(), "run", "--quiet", "--no-check", `--config=${config}`, "-A", refusedLogins];
  const { code, stdout, stderr } = await run([...argv, server.url, "guarded", "60"]);
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "60 refused, 0 uncaught\n" }, stderr);
});
