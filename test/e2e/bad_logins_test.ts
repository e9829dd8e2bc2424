import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { whatAddressesAre } from "../../services/gateway/address.ts";
import { connectClient } from "../support/client.ts";
import { run } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { makeKey } from "../support/ssh.ts";
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
  "+Local",
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

Deno.test("a person who mistypes a login reads once what a login is, and the attempts count", async () => {
  await using sallyport = await startSallyport({ config: { gateway: { MaxAuthTries: 2 } } });
  const another = `${sallyport.state}/another`;
  await makeKey(another);
  for (const login of ["../../etc/x", "x".repeat(33)]) {
    deepStrictEqual((await sallyport.refusal(login)).split("\n"), [
      whatAddressesAre,
      `${login}@127.0.0.1: Permission denied (publickey).`,
    ]);
    const said = await sallyport.refusal(login, { options: ["-i", another] });
    strictEqual(said.split(whatAddressesAre).length, 2, said);
    match(said, /Too many authentication failures/);
  }
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
