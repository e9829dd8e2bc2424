import { match, rejects, strictEqual } from "node:assert/strict";
import { connectClient } from "../support/client.ts";
import { run } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

const badLogins = [
  "/",
  "..",
  ".",
  "-rf",
  "a/b",
  "a b",
  " ",
  "a:b",
  "a\nb",
  "$(id)",
  "a*",
  "ü",
  "+",
  "a+",
  "+local",
  "a+.>",
  "x".repeat(33),
  "x".repeat(300),
];

const refused = /All configured authentication methods failed/;

Deno.test("a login that no account can have is refused like any other, and creates nothing", async () => {
  await using sallyport = await startSallyport();
  const before = (await run(["getent", "passwd"])).stdout;
  // Not by OpenSSH's client, which would not even send most of them.
  for (const login of badLogins) await rejects(connectClient(sallyport, login), refused, login);
  strictEqual((await run(["getent", "passwd"])).stdout, before);
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
});

Deno.test("a login with NUL is refused, not cut short", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  for (const bad of [`${login}\0`, `${login}\0x`, "\0", `root\0${login}`]) {
    await rejects(connectClient(sallyport, bad), refused);
  }
  strictEqual((await run(["getent", "passwd", login])).code, 2);
});

Deno.test("root is not reached by a pattern", async () => {
  await using sallyport = await startSallyport();
  match(await sallyport.refusal("root"), /Permission denied \(publickey\)/);
});
