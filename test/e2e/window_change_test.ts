import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

Deno.test("the terminal starts with the client's size and follows it", async () => {
  await using sallyport = await startSallyport();
  await using terminal = await sallyport.terminal(newLogin(), { columns: 91, rows: 27 });
  await terminal.sees(/\$ $/m);
  await terminal.enter("trap 'echo resized to $(stty size)' WINCH; stty size");
  await terminal.sees(/^27 91$/m);
  await terminal.resize(133, 41);
  await terminal.sees(/resized to 41 133$/m);
});
