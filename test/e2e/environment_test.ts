import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

function variablesOf(output: string): Record<string, string> {
  return Object.fromEntries(
    output.split("\n").filter(Boolean).map((line) => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}

Deno.test("a command sees the account's, the session's and the accepted variables, and no others", async () => {
  await Deno.writeTextFile("/etc/motd", "A message of the day\n");
  await using sallyport = await startSallyport();
  const login = newLogin();
  const { stdout } = await sallyport.ssh(login, "env", {
    options: ["-o", "SendEnv=*"],
    env: {
      LANG: "de_DE.UTF-8",
      LC_TIME: "C",
      LD_PRELOAD: "",
      FOREIGN: "1",
      HOME: "/elsewhere",
      SSH_TTY: "/dev/null",
    },
  });
  const { SSH_CLIENT, SSH_CONNECTION, SHLVL: _level, _: _last, PWD, OLDPWD: _old, ...rest } = variablesOf(
    stdout,
  );
  match(SSH_CLIENT!, new RegExp(`^127\\.0\\.0\\.1 \\d+ ${sallyport.port}$`));
  match(SSH_CONNECTION!, new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${sallyport.port}$`));
  strictEqual(PWD, `/home/${login}`);
  deepStrictEqual(rest, {
    USER: login,
    LOGNAME: login,
    HOME: `/home/${login}`,
    SHELL: "/bin/bash",
    PATH: rest.PATH,
    LANG: "de_DE.UTF-8",
    LC_TIME: "C",
    MOTD_SHOWN: "pam",
    TELEPORT_USERNAME: "tester",
    TELEPORT_LOGIN: login,
    TELEPORT_ROLES: "all",
  });
});

Deno.test("LD_PRELOAD is refused even where the configuration would accept everything", async () => {
  await using sallyport = await startSallyport({ config: { host: { AcceptEnv: ["*"] } } });
  const { stdout } = await sallyport.ssh(newLogin(), "env", {
    options: ["-o", "SetEnv=LD_PRELOAD=/tmp/evil.so", "-o", "SendEnv=MINE"],
    env: { MINE: "yes" },
  });
  const variables = variablesOf(stdout);
  deepStrictEqual([variables.LD_PRELOAD, variables.MINE], [undefined, "yes"]);
});
