import { deepStrictEqual } from "node:assert/strict";
import { connectClient, execOn, startOn } from "../support/client.ts";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

Deno.test("a command ended by a signal reports exit-signal", async () => {
  await using sallyport = await startSallyport();
  using client = await connectClient(sallyport, newLogin());
  for (const signal of ["TERM", "KILL", "HUP"]) {
    const result = await execOn(client, `echo before; kill -${signal} $$; echo after`);
    deepStrictEqual(result, { stdout: "before\n", stderr: "", code: null, signal });
  }
});

Deno.test("a signal sent by the client reaches the command's process group", async () => {
  await using sallyport = await startSallyport();
  using client = await connectClient(sallyport, newLogin());
  const channel = await startOn(
    client,
    "trap 'echo caught; exit 9' USR1; echo ready; while :; do sleep 0.05; done",
  );
  let output = "";
  const { promise, resolve } = Promise.withResolvers<number>();
  channel.on("data", (chunk: Uint8Array) => {
    output += new TextDecoder().decode(chunk);
    if (output === "ready\n") channel.signal("USR1");
  });
  channel.on("exit", resolve);
  deepStrictEqual([await promise, output.includes("caught\n")], [9, true]);
});
