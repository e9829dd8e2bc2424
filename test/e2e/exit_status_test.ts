import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

const rounds = 200;
const atOnce = 4;
/** What `seq 1 200000` prints. */
const seqBytes = 1_288_895;

Deno.test("a command's exit status is the client's", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  for (const code of [0, 1, 7, 127, 255]) {
    strictEqual((await sallyport.ssh(login, `exit ${code}`)).code, code);
  }
  strictEqual((await sallyport.ssh(login, "/no/such/command")).code, 127);
});

for (const [stream, redirection] of [["stdout", ""], ["stderr", " >&2"]] as const) {
  Deno.test(`the exit status follows all of ${stream}, ${rounds} times`, async () => {
    await using sallyport = await startSallyport();
    const login = newLogin();
    await sallyport.ssh(login, "true");
    const command = `seq 1 200000${redirection}; exit 3`;
    for (let round = 0; round < rounds; round += atOnce) {
      const results = await Promise.all(
        Array.from({ length: atOnce }, () => sallyport.ssh(login, command)),
      );
      for (const result of results) {
        deepStrictEqual([result.code, result[stream].length, result[stream].slice(-7)], [
          3,
          seqBytes,
          "200000\n",
        ]);
      }
    }
  });
}
