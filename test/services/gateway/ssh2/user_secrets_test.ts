import assert from "node:assert/strict";
// @ts-types="@types/ssh2"
import type { KeyboardAuthContext } from "ssh2";
import { byte, string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import { askQuestions, passwordOf } from "../../../../services/gateway/ssh2/mod.ts";
import { RawClient, serve } from "./kit.ts";

const encoder = new TextEncoder();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function request(client: RawClient, method: string, ...data: Uint8Array[]): void {
  client.send(byte(50), string("someone"), string("ssh-connection"), string(method), ...data);
}

/** A client that asks for nothing by itself, and leaves the answers to the test. */
async function silent(port: number): Promise<RawClient> {
  const client = new RawClient();
  client.isOwn = (number) => number >= 50 && number <= 61;
  client.connect(port, { authHandler: () => undefined });
  await client.take(6); // SERVICE_ACCEPT
  return client;
}

function asks(prompts: string[], got: (answers: Uint8Array[] | null) => void) {
  return async (context: KeyboardAuthContext) => {
    const questions = prompts.map((text) => ({ text, echo: false }));
    const answers = await askQuestions(context, "Please", questions);
    got(answers);
    if (answers) context.accept();
    else context.reject(["keyboard-interactive"]);
  };
}

Deno.test("passwordOf() gives the password as bytes, and null for a request to change it", async () => {
  const passwords: (Uint8Array | null)[] = [];
  await using server = await serve("ours", (connection) => {
    connection.on("authentication", (context) => {
      if (context.method === "password") passwords.push(passwordOf(context));
      context.reject(["password"]);
    });
  });
  await using client = await silent(server.port);
  const secrets = [encoder.encode("schön"), new Uint8Array(0), Uint8Array.of(0xff, 0xfe)];
  for (const secret of secrets) {
    request(client, "password", byte(0), string(secret));
    await client.take(51);
  }
  request(client, "password", byte(1), string("old"), string("new"));
  await client.take(51);
  assert.deepEqual(passwords, [...secrets, null]);
});

Deno.test("askQuestions() gives the answers as bytes, in order", async () => {
  const got = Promise.withResolvers<Uint8Array[] | null>();
  await using server = await serve("ours", (connection) => {
    connection.on("authentication", (context) => {
      if (context.method !== "keyboard-interactive") return context.reject();
      return asks(["One: ", "Two: "], got.resolve)(context);
    });
  });
  await using client = await silent(server.port);
  request(client, "keyboard-interactive", string(""), string(""));
  const asked = await client.take(60);
  assert.deepEqual([asked.text(), asked.text(), asked.text(), asked.uint32()], ["", "Please", "", 2]);
  assert.deepEqual([asked.text(), asked.boolean(), asked.text(), asked.boolean()], [
    "One: ",
    false,
    "Two: ",
    false,
  ]);
  client.send(byte(61), uint32(2), string("first"), string("schön"));
  assert.deepEqual((await got.promise)?.map(text), ["first", "schön"]);
  await client.take(52);
});

Deno.test("askQuestions() gives null for another number of answers, and ends nothing", async () => {
  const got: (Uint8Array[] | null)[] = [];
  await using server = await serve("ours", (connection) => {
    connection.on("authentication", (context) => {
      if (context.method !== "keyboard-interactive") return context.reject();
      return asks(["One: "], (answers) => got.push(answers))(context);
    });
  });
  await using client = await silent(server.port);
  for (const answers of [[], ["a", "b"]]) {
    request(client, "keyboard-interactive", string(""), string(""));
    await client.take(60);
    client.send(byte(61), uint32(answers.length), ...answers.map(string));
    await client.take(51);
  }
  assert.deepEqual(got, [null, null]);
  client.send(byte(61), uint32(1), string("nobody asked"));
  request(client, "none");
  await client.take(51);
});

Deno.test("a request may be abandoned for another one (RFC 4252 §5.1), whose answers count", async () => {
  const got: (string | undefined)[] = [];
  await using server = await serve("ours", (connection) => {
    connection.on("authentication", (context) => {
      if (context.method !== "keyboard-interactive") return context.reject();
      return asks(["Q: "], (answers) => got.push(answers?.map(text).join()))(context);
    });
  });
  await using client = await silent(server.port);
  request(client, "keyboard-interactive", string(""), string(""));
  await client.take(60);
  request(client, "none");
  await client.take(51);
  request(client, "keyboard-interactive", string(""), string(""));
  await client.take(60);
  client.send(byte(61), uint32(1), string("42"));
  await client.take(52);
  assert.deepEqual(got, [undefined, "42"]);
});

Deno.test("stock ssh2 still makes strings of passwords", async () => {
  const got = Promise.withResolvers<unknown>();
  await using server = await serve("stock", (connection) => {
    connection.on("authentication", (context) => {
      if (context.method === "password") got.resolve(context.password);
      context.reject();
    });
  });
  await using client = await silent(server.port);
  request(client, "password", byte(0), string(Uint8Array.of(0x61, 0xff)));
  assert.equal(await got.promise, "a\ufffd");
});
