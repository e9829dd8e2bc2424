import assert from "node:assert/strict";
import { generateOpensshKey } from "../../../../services/cli/start/openssh_key.ts";

async function keygen(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("ssh-keygen", { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("generateOpensshKey() makes a private key ssh-keygen reads, whose public half is the public line", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-key-" });
  try {
    // Lengths of comments run through all paddings of the private section.
    for (let length = 1; length <= 9; length++) {
      const key = generateOpensshKey("c".repeat(length));
      const file = `${folder}/key${length}`;
      Deno.writeTextFileSync(file, key.privateText, { mode: 0o600 });
      assert.equal((await keygen("-y", "-f", file)).trim(), key.publicLine);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
