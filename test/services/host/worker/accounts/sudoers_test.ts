import assert from "node:assert/strict";
import { stageSudoers, sudoersText } from "../../../../../services/host/worker/accounts/sudoers.ts";
import { run } from "../../../../support/command.ts";
import { inNamespace } from "../../../../support/namespace.ts";

const folder = "/etc/sudoers.d";

function names(): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.includes("sallyport"));
}

Deno.test("sudoersText() names the uid, so that a login that means something to sudo is nothing but a login", async () => {
  const file = await Deno.makeTempFile();
  for (const login of ["ALL", "ADMINS", "a.b", "x-$", "%wheel"]) {
    await Deno.writeTextFile(file, sudoersText(login, 70_000, ["ALL=(root) /bin/id", "ALL=(bin) /bin/ls"]));
    const { code, stdout } = await run(["cvtsudoers", "-f", "json", file]);
    assert.equal(code, 0);
    const users = JSON.parse(stdout).User_Specs.map((rule: { User_List: unknown }) => rule.User_List);
    assert.deepEqual(users[0], [{ userid: 70_000 }], login);
    assert.equal(users.length, JSON.parse(stdout).User_Specs.length);
  }
  await Deno.remove(file);
});

Deno.test({
  name: "stageSudoers() leaves nothing behind but what was installed, under a name sudo reads",
  ignore: !inNamespace(),
  fn() {
    assert.equal(stageSudoers("a.b", 70_000, []), null);
    {
      using staged = stageSudoers("a.b", 70_000, ["ALL=(ALL) ALL"]);
      assert.ok(staged);
      assert.ok(names().every((name) => name.includes(".")), "sudo passes over names with a dot");
    }
    assert.deepEqual(names(), [], "dropped");
    assert.throws(() => stageSudoers("a.b", 70_000, ["ALL=(ALL ALL"]), /Cannot use host.accounts.sudoers/);
    assert.deepEqual(names(), [], "refused");
    {
      using staged = stageSudoers("a.b", 70_000, ["ALL=(ALL) ALL"]);
      staged?.install();
    }
    assert.deepEqual(names(), ["sallyport-70000"]);
    Deno.removeSync(`${folder}/sallyport-70000`);
  },
});
