import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { startSallyport } from "../support/sallyport.ts";
import { creatingStack, writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

const names = ["TEAM", "GROUPS_OF", "MAIL_ADDRESS", "LOGINS", "SITE", "TELEPORT_ROLES", "PHONE"];
/** Prints each variable, or `unset`, in one line. */
const show = names.map((name) => `printf '%s=%s;' ${name} "\${${name}-unset}"`).join("; ");
const seen = "TEAM=web db;GROUPS_OF=g-web g-db;MAIL_ADDRESS=ada@example.org;LOGINS=*;SITE=north;" +
  "TELEPORT_ROLES=replaced;PHONE=unset;";

async function startShowing() {
  const folder = await Deno.makeTempDir({ prefix: "environment-" });
  await Deno.chmod(folder, 0o755); // pam_script wants to reach its hooks as everybody.
  const log = `${folder}/seen`;
  await Deno.writeTextFile(log, "");
  const record = (by: string) => `#!/bin/sh\nline="${by} $(${show})"\necho "$line" >> ${log}\n`;
  const script = await writeScript(folder, "show", record("exec $PAM_TYPE"));
  for (const hook of ["ses_open", "ses_close"]) {
    await writeScript(folder, `pam_script_${hook}`, record(`script ${hook}`));
  }
  const stack = await creatingStack(folder, [
    `account required pam_exec.so quiet ${script}`,
    `session required pam_exec.so quiet ${script}`,
    `session required pam_script.so dir=${folder}`,
  ]);
  const sallyport = await startSallyport({
    stack,
    traits: { team: ["web", "db"], "https://idp.example.org/mail": ["ada@example.org"], site: ["north"] },
    config: {
      ssh_service: {
        pam: {
          enabled: "yes",
          service_name: "test",
          environment: {
            TEAM: "{{external.team}}",
            GROUPS_OF: "g-{{ external.team }}",
            MAIL_ADDRESS: '{{external["https://idp.example.org/mail"]}}',
            LOGINS: "{{internal.logins}}",
            SITE: "{{external.site}}",
            TELEPORT_ROLES: "replaced",
            PHONE: "{{external.phone}}",
          },
        },
      },
    },
  });
  return {
    sallyport,
    recorded: () => Deno.readTextFileSync(log).split("\n").slice(0, -1),
    async [Symbol.asyncDispose]() {
      await sallyport[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("the configured variables reach pam_exec, pam_script, command and shell, and the close of a killed worker", async () => {
  await using showing = await startShowing();
  const { sallyport, recorded } = showing;
  const login = newLogin();
  const opened = [
    `exec account ${seen}`,
    `exec open_session ${seen}`,
    `script ses_open ${seen}`,
  ];
  const closed = [`exec close_session ${seen}`, `script ses_close ${seen}`];

  strictEqual((await sallyport.ssh(login, show)).stdout, seen);
  await until("the session is closed", () => recorded().length >= 5);
  deepStrictEqual(recorded(), [...opened, ...closed]);
  const warning = sallyport.logs().split("\n").filter((line) => line.includes("PAM's environment"));
  strictEqual(warning.length, 1, warning.join("\n"));
  match(warning[0]!, /"variables":"PHONE".*"facts":"external\.phone"/);

  await using terminal = await sallyport.terminal(login);
  await terminal.sees(/\$ $/m);
  await terminal.enter('echo "[$TEAM]"');
  await terminal.sees(/^\[web db\]$/m);
  const [journal] = await sallyport.journals();
  signal(journal!.pid, "SIGKILL");
  await until("the janitor has closed the session", () => recorded().length >= 10);
  deepStrictEqual(recorded(), [...opened, ...closed, ...opened, ...closed]);
});

Deno.test("a template nobody knows is refused at the start, with its line and what would do", async () => {
  const pam = { enabled: "yes", service_name: "test", environment: { TEAM: "{{outernal.team}}" } };
  await rejects(
    startSallyport({ config: { ssh_service: { pam } } }),
    /sallyport\.yaml:\d+:\d+: ssh_service\.pam\.environment\.TEAM must be text, .*\{\{external\.NAME\}\}.*, not "\{\{outernal\.team\}\}"\n/,
  );
});
