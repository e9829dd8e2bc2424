/** What the two halves of `deno task fleet` agree on. */

/** On 127.0.0.1, for gateway-1 and gateway-2. */
export const gatewayPorts = [2201, 2202] as const;

/** Where inside.ts takes connections to a gateway, which the other half brings. */
export function socketOf(folder: string, gateway: number): string {
  return `${folder}/gateway-${gateway + 1}.socket`;
}

/** Passes on what `listener` accepts, each connection to one that `connect` makes: bytes both ways, until both have ended. */
export async function passOn(listener: Deno.Listener, connect: () => Promise<Deno.Conn>): Promise<void> {
  for await (const outer of listener) void join(outer, connect);
}

async function join(outer: Deno.Conn, connect: () => Promise<Deno.Conn>): Promise<void> {
  let inner: Deno.Conn;
  try {
    inner = await connect();
  } catch {
    return outer.close(); // The other half, or the gateway, is not there.
  }
  await Promise.allSettled([
    outer.readable.pipeTo(inner.writable),
    inner.readable.pipeTo(outer.writable),
  ]);
}

/** Resolves at the first of these signals. */
export function firstOf(signals: Deno.Signal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of signals) Deno.addSignalListener(signal, () => resolve());
  return promise;
}

/** For `ssh -F`: both gateways by name, and the hosts behind the first. @param authority The fleet's line of known_hosts(5) */
export function sshConfig(folder: string, hosts: string[], authority: string): string {
  const trust = [
    `  IdentityFile ${folder}/id_ed25519`,
    "  IdentitiesOnly yes",
    "  StrictHostKeyChecking yes",
    "  UserKnownHostsFile none",
    `  KnownHostsCommand /bin/echo ${authority}`,
  ];
  return [
    ...gatewayPorts.flatMap((port, index) => [
      `Host gateway-${index + 1}`,
      "  HostName 127.0.0.1",
      `  HostKeyAlias gateway-${index + 1}`,
      `  Port ${port}`,
    ]),
    `Host ${hosts.join(" ")}`,
    "  ProxyJump +jump@gateway-1",
    "Host *",
    ...trust,
    "",
  ].join("\n");
}
