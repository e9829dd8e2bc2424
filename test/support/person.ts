/** Somebody who answers what ssh asks: its own askpass program, which also writes down the questions. */

import { writeScript } from "./stacks.ts";
import { signal } from "./processes.ts";
import { spawnSsh, type SshOptions, type SshTarget } from "./ssh.ts";
import { until } from "./wait.ts";

export interface Person {
  /** For `sallyport.ssh()`, in place of the key alone. */
  options: SshOptions;
  /** What ssh has asked so far, as the person saw it. */
  asked(): string[];
}

/** $1 is the question; the answers are lines of a file, and no answer left is a pressed Ctrl-C. */
const askpass = `#!/bin/sh
printf '%s\\n' "$1" | tr '\\n' ' ' >> "$0.asked"; echo >> "$0.asked"
number=$(wc -l < "$0.asked")
test "$number" -le "$(wc -l < "$0.answers")" || exit 1
sed -n "\${number}p" "$0.answers"
`;

/**
 * @param methods RFC 4252 names, in the order in which ssh is to try them
 * @param answers In turn, whatever the questions are
 */
export async function person(
  methods: string,
  answers: string[],
  { attempts = 1, options = [] }: { attempts?: number; options?: string[] } = {},
): Promise<Person> {
  const folder = await Deno.makeTempDir({ prefix: "person-" });
  const file = await writeScript(folder, "askpass", askpass);
  await Deno.writeTextFile(`${file}.answers`, answers.map((answer) => `${answer}\n`).join(""));
  const settings = {
    BatchMode: "no",
    PreferredAuthentications: methods,
    PubkeyAuthentication: methods.includes("publickey") ? "yes" : "no",
    NumberOfPasswordPrompts: String(attempts),
    LogLevel: "INFO",
  };
  return {
    options: {
      env: { SSH_ASKPASS: file, SSH_ASKPASS_REQUIRE: "force", DISPLAY: "none" },
      options: [...options, ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`])],
    },
    asked() {
      try {
        return Deno.readTextFileSync(`${file}.asked`).split("\n").filter((line) => line !== "").map((line) =>
          line.trimEnd()
        );
      } catch {
        return [];
      }
    },
  };
}

/** The terminal is closed while ssh asks for the password. */
export async function leaveAtPrompt(target: SshTarget, login: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "leaving-" });
  const askpass = await writeScript(
    folder,
    "askpass",
    `#!/bin/sh\necho $$ > ${folder}/asking\nexec sleep 1000\n`,
  );
  const client = spawnSsh(target, login, ["true"], [
    "-o",
    "PreferredAuthentications=keyboard-interactive",
    "-o",
    "BatchMode=no",
  ], {
    SSH_ASKPASS: askpass,
    SSH_ASKPASS_REQUIRE: "force",
  });
  const asking = async () => Number(await Deno.readTextFile(`${folder}/asking`).catch(() => ""));
  const pid = await until("ssh asks", asking);
  signal(client.pid, "SIGKILL");
  signal(pid, "SIGKILL");
  await client.status;
  await Promise.all([client.stdout.cancel(), client.stderr.cancel(), client.stdin.close().catch(() => {})]);
  await Deno.remove(folder, { recursive: true });
}
