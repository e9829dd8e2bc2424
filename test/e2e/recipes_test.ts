import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

const examples = new URL("../../examples/", import.meta.url).pathname;

/** Installs a recipe where its own comments say, and starts with it by Teleport's keys. */
async function startRecipe(stack: string, script: string) {
  await Deno.mkdir(`/etc/${script.split("/")[0]}`, { recursive: true });
  await run(["install", "-m", "0755", `${examples}${script}`, `/etc/${script}`]);
  await run(["install", "-m", "0644", `${examples}pam.d/${stack}`, "/etc/pam.d/teleport"]);
  await Deno.writeTextFile("/etc/motd", "Welcome by PAM\n");
  return await startSallyport({
    config: {
      host: { pam_confdir: null },
      ssh_service: { pam: { enabled: "yes", service_name: "teleport" } },
    },
  });
}

const recipes: [string, string, (login: string) => string][] = [
  ["teleport-pam-exec", "pam-exec.d/teleport_acct", () => ""],
  [
    "teleport-pam-script",
    "pam-script.d/pam_script_acct",
    () => "User tester with roles all created by Teleport.",
  ],
];

for (const [stack, script, comment] of recipes) {
  Deno.test(`the recipe ${stack} creates the account and shows the message of the day`, async () => {
    await using sallyport = await startRecipe(stack, script);
    const login = newLogin();
    await using terminal = await sallyport.terminal(login);
    await terminal.sees(/Welcome by PAM/);
    await terminal.enter("id -un; exit 7");
    strictEqual(await terminal.exitCode(), 7);
    const [name, , , , gecos, home, shell] = (await run(["getent", "passwd", login])).stdout.trim().split(
      ":",
    );
    deepStrictEqual([name, gecos, home, shell], [login, comment(login), `/home/${login}`, "/bin/bash"]);
  });

  Deno.test(`the recipe ${stack} creates one account for ten first logins at once`, async () => {
    await using sallyport = await startRecipe(stack, script);
    const login = newLogin();
    const results = await Promise.all(Array.from({ length: 10 }, () => sallyport.ssh(login, "id -un")));
    deepStrictEqual(results.map(({ stdout }) => stdout), results.map(() => `${login}\n`));
  });
}

Deno.test("the bundled stack creates the account and greets", async () => {
  await using sallyport = await startSallyport({
    config: { ssh_service: { pam: { enabled: "yes", service_name: "sallyport" } } },
  });
  const login = newLogin();
  await using terminal = await sallyport.terminal(login);
  await terminal.sees(/\$ $/m);
  const greeting = (await Deno.readTextFile(`${sallyport.state}/motd`)).trim().split("\n")[0]!;
  match(await terminal.screen(), new RegExp(greeting.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
});
