import assert from "node:assert/strict";
import { run } from "../../support/command.ts";
import { freePort } from "../../support/ports.ts";
import { openState } from "../../../services/cli/start/state.ts";
import { makeAccount, newLogin } from "../../support/logins.ts";
import { person } from "../../support/person.ts";
import { spawnSsh, ssh } from "../../support/ssh.ts";
import { Terminal } from "../../support/terminal.ts";
import { until } from "../../support/wait.ts";

const main = new URL("../../../services/main.ts", import.meta.url).pathname;

function commandLine(state: string, port: number): string[] {
  return ["run", "--quiet", "-A", main, "start", "--state", state, "--listen", `127.0.0.1:${port}`];
}

/** `start` in a state folder, from its first line on stdout until it is stopped. */
class Started implements AsyncDisposable {
  private constructor(
    readonly child: Deno.ChildProcess,
    readonly line: string,
    readonly rest: Promise<string>,
  ) {}

  static async run(state: string, port: number): Promise<Started> {
    const child = new Deno.Command(Deno.execPath(), {
      args: commandLine(state, port),
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`start ended: ${(await child.status).code}`);
      text += value;
    }
    const rest = (async () => {
      let more = "";
      for (let read = await reader.read(); !read.done; read = await reader.read()) more += read.value;
      return more;
    })();
    return new Started(child, text.trimEnd(), rest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await this.child.status;
    await this.rest;
  }
}

/** Command lines of living processes that name `text`. */
function processesNaming(text: string): string[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    try {
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
      return line.includes(text) && Number(name) !== Deno.pid ? [line] : [];
    } catch {
      return [];
    }
  });
}

function stateFolder(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "sallyport-start-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test("start prints one line to paste, which logs in a person who has no account", async () => {
  using state = stateFolder();
  const port = freePort();
  await using started = await Started.run(state.path, port);
  assert.equal(started.line, `ssh -i ${state.path}/id_ed25519 -p ${port} newcomer@127.0.0.1`);
  const target = { port, keyFile: `${state.path}/id_ed25519`, state: state.path };
  const { code, stdout, stderr } = await ssh(target, "newcomer", "id -un; pwd; echo $0");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "newcomer\n/home/newcomer\nbash\n");
});

Deno.test("start says in one sentence that the port is taken, and starts nothing", async () => {
  using state = stateFolder();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stdout, stderr } = await run([Deno.execPath(), ...commandLine(state.path, port)]);
  assert.equal(code, 111);
  assert.equal(stdout, "");
  assert.equal(
    stderr,
    `Cannot listen on 127.0.0.1:${port}: another program does; stop it, or give --listen with another port\n`,
  );
});

Deno.test("start ends everything at SIGTERM with exit status 0, and keeps keys and configuration for the next time", async () => {
  using state = stateFolder();
  const port = freePort();
  const read = () =>
    [
      "fleet.key",
      "trust",
      "id_ed25519",
      "ssh_host_ed25519_key",
      "host.identity",
      "broker.identities",
      "sallyport.yaml",
    ]
      .map((name) => Deno.readTextFileSync(`${state.path}/${name}`));
  let first: string[];
  {
    await using started = await Started.run(state.path, port);
    first = read();
    started.child.kill("SIGTERM");
    assert.equal((await started.child.status).code, 0);
    assert.equal(await started.rest, "");
  }
  const runDirectory = /run_dir: (\S+)/.exec(first.join("\n"))?.[1] ?? "";
  assert.match(runDirectory, /^\/run\/sallyport-/);
  await until("all processes are gone", () => {
    const left = [...processesNaming(state.path), ...processesNaming(runDirectory)];
    if (left.length > 0) throw new Error(left.join("\n"));
    return true;
  });
  await using again = await Started.run(state.path, port);
  assert.ok(again.line.startsWith("ssh -i "));
  assert.deepEqual(read(), first);
});

Deno.test("start keeps secrets for root alone", async () => {
  using state = stateFolder();
  await using _started = await Started.run(state.path, freePort());
  for (const name of Deno.readDirSync(state.path)) {
    if (!/\.(key|nkey|identity|identities)$|ed25519(_key)?$/.test(name.name)) continue;
    const { mode, uid } = Deno.statSync(`${state.path}/${name.name}`);
    assert.deepEqual([(mode ?? 0) & 0o077, uid], [0, 0], name.name);
  }
});

Deno.test("the stack that start writes knows passwords, wrong ones and expired ones too, once PAM is asked for them", async () => {
  using state = stateFolder();
  const port = freePort();
  openState(state.path, { hostname: "127.0.0.1", port });
  const file = `${state.path}/sallyport.yaml`;
  const login = newLogin();
  Deno.writeTextFileSync(
    file,
    Deno.readTextFileSync(file)
      .replace("enabled: yes", "enabled: yes\n    use_pam_auth: yes")
      .replace("- newcomer\n", `- newcomer\n      - ${login}\n`) +
      `pam_logins:\n  ${login}: newcomers\n`,
  );
  await makeAccount(login);
  assert.equal((await run(["chpasswd"], { stdin: `${login}:correct horse\n` })).code, 0);
  await using _started = await Started.run(state.path, port);
  const target = { port, keyFile: `${state.path}/id_ed25519`, state: state.path };
  const logIn = async (...answers: string[]) => {
    const { options } = await person("keyboard-interactive", answers);
    const { code, stdout } = await ssh(target, login, "id -un", options);
    return { code, stdout };
  };
  assert.deepEqual(await logIn("correct horse"), { code: 0, stdout: `${login}\n` });
  assert.deepEqual(await logIn("wrong"), { code: 255, stdout: "" });
  assert.equal((await run(["chage", "-d", "0", login])).code, 0);
  const fresh = "Fresh-Pony-42";
  assert.deepEqual(await logIn("correct horse", "correct horse", fresh, fresh), {
    code: 0,
    stdout: `${login}\n`,
  });
  assert.deepEqual(await logIn(fresh), { code: 0, stdout: `${login}\n` });
});

Deno.test("start passes SIGHUP on to the gateway, which lets a new role in and keeps open sessions", async () => {
  using state = stateFolder();
  const port = freePort();
  await using started = await Started.run(state.path, port);
  const target = { port, keyFile: `${state.path}/id_ed25519`, state: state.path };
  const open = spawnSsh(target, "newcomer", ["read line; echo got $line"]);
  const other = newLogin();
  assert.equal((await ssh(target, other, "true")).code, 255);
  const file = `${state.path}/sallyport.yaml`;
  Deno.writeTextFileSync(
    file,
    Deno.readTextFileSync(file).replace("- newcomer\n", `- newcomer\n      - ${other}\n`),
  );
  started.child.kill("SIGHUP");
  await until("the new login is let in", async () => (await ssh(target, other, "true")).code === 0);
  const writer = open.stdin.getWriter();
  await writer.write(new TextEncoder().encode("it\n"));
  await writer.close();
  assert.equal(new TextDecoder().decode((await open.output()).stdout), "got it\n");
});

Deno.test("start ends when its terminal goes away", async () => {
  using state = stateFolder();
  {
    await using terminal = await Terminal.start([Deno.execPath(), ...commandLine(state.path, freePort())]);
    await terminal.sees(/^ssh -i /m, { timeoutMs: 20_000 });
  }
  await until("all processes are gone", () => processesNaming(state.path).length === 0, {
    timeoutMs: 20_000,
  });
});

Deno.test("start brings a process back that died, without ending the others", async () => {
  using state = stateFolder();
  const port = freePort();
  await using started = await Started.run(state.path, port);
  const children = async () =>
    (await run(["pgrep", "-P", String(started.child.pid)])).stdout.split("\n").filter(Boolean);
  const before = await children();
  assert.equal(before.length, 3);
  const [gateway] = (await run(["pgrep", "-P", String(started.child.pid), "-f", "main.ts gateway"])).stdout
    .split("\n");
  Deno.kill(Number(gateway), "SIGKILL");
  const target = { port, keyFile: `${state.path}/id_ed25519`, state: state.path };
  await until("the gateway serves again", async () => (await ssh(target, "newcomer", "true")).code === 0);
  const after = await children();
  assert.equal(after.length, 3);
  assert.equal(after.filter((pid) => before.includes(pid)).length, 2);
});
