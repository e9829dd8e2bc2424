/** Private mount, PID, UTS, IPC and network namespaces: real accounts and real PAM, and the machine stays as it was. */

const variable = "SALLYPORT_TEST_NAMESPACE";
const script = new URL("./namespace.sh", import.meta.url).pathname;

/** Kept by name; everything else of the caller's environment would make runs differ. */
const keptVariables = ["PATH", "HOME", "DENO_DIR", "SALLYPORT_TEST_LOGS", "SALLYPORT_TEST_SEED"];

export interface NamespaceOptions {
  /** Gets what `command` writes, its errors among the rest; without it that goes where ours does. */
  onOutput?: (bytes: Uint8Array) => void;
  /** Ends everything inside. */
  signal?: AbortSignal;
}

/** Whether this process already runs inside. */
export function inNamespace(): boolean {
  return Deno.env.has(variable);
}

/** Runs `command` inside fresh namespaces and gives its exit code. When it ends nothing it started is left. */
export async function runInNamespace(command: string[], options: NamespaceOptions = {}): Promise<number> {
  if (Deno.uid() !== 0) throw new Error("Cannot make test namespaces: this must run as root");
  const { onOutput, signal } = options;
  signal?.throwIfAborted();
  const scratch = await Deno.makeTempDir({ prefix: "sallyport-test-" });
  // One pipe for both, or what belongs together would come apart.
  const kept = onOutput ? ["/bin/sh", "-c", 'exec "$0" "$@" 2>&1', ...command] : command;
  try {
    const environment = keptVariables.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const child = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc", "--net"],
        ...["--propagation", "private", "/bin/sh", script, ...kept],
      ],
      clearEnv: true,
      env: { ...Object.fromEntries(environment), [variable]: scratch, LANG: "C.UTF-8", NO_COLOR: "1" },
      ...(onOutput && { stdin: "null", stdout: "piped" }),
    }).spawn();
    // unshare(1) takes the first process inside with it, and that one all others.
    const end = () => child.kill("SIGKILL");
    signal?.addEventListener("abort", end);
    if (onOutput) { for await (const bytes of child.stdout) onOutput(bytes); }
    const { code } = await child.status;
    signal?.removeEventListener("abort", end);
    return code;
  } finally {
    await Deno.remove(scratch);
  }
}
