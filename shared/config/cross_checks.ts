/** Mistakes that only show when two keys are read together. */

import { pathText, place, type Source } from "./mistakes.ts";
import { nearest } from "./nearest.ts";
import type { Config, PamConfig } from "./schema.ts";

/** One sentence per mistake. */
export function crossChecks(source: Source, config: Config): string[] {
  return [
    ...unknownRoles(source, config),
    ...repeatedUsers(source, config),
    ...twoServices(source, config),
    ...authWithoutPam(source, config),
    ...unreachedBroker(source, config),
    ...oddLabelCommands(source, config),
  ];
}

function* unknownRoles(source: Source, config: Config): Iterable<string> {
  const roles = Object.keys(config.roles);
  const lists: [path: (string | number)[], names: string[]][] = [
    ...config.users.map((user, index) => [["users", index, "roles"], user.roles] as [string[], string[]]),
    ...Object.entries(config.pam_logins).map(([login, names]) =>
      [["pam_logins", login], names] as [string[], string[]]
    ),
  ];
  for (const [list, names] of lists) {
    for (const [position, role] of names.entries()) {
      if (roles.includes(role)) continue;
      const path = [...list, position];
      const meant = nearest(role, roles);
      const hint = meant === null ? "define it under roles" : `did you mean ${meant}?`;
      yield `${place(source, path)}: ${pathText(path)} names the role ${
        JSON.stringify(role)
      }, which is not defined; ${hint}`;
    }
  }
}

function* repeatedUsers(source: Source, config: Config): Iterable<string> {
  const seen = new Set<string>();
  for (const [index, { name }] of config.users.entries()) {
    const path = ["users", index, "name"];
    if (seen.has(name)) {
      yield `${place(source, path)}: ${pathText(path)} must be a name no other user has, not ${
        JSON.stringify(name)
      }`;
    }
    seen.add(name);
  }
}

function* authWithoutPam(source: Source, { ssh_service, teleport }: Config): Iterable<string> {
  const given: [path: string[], pam: PamConfig | undefined][] = [
    [["ssh_service", "pam"], ssh_service?.pam],
    [["teleport", "ssh_service", "pam"], teleport?.ssh_service?.pam],
  ];
  for (const [section, pam] of given) {
    if (!pam?.use_pam_auth || pam.enabled) continue;
    const path = [...section, "use_pam_auth"];
    const other = pathText([...section, "enabled"]);
    yield `${place(source, path)}: ${pathText(path)} must be no unless ${other} is yes`;
  }
}

function* twoServices(source: Source, config: Config): Iterable<string> {
  if (!config.ssh_service || !config.teleport?.ssh_service) return;
  const path = ["teleport", "ssh_service"];
  yield `${place(source, path, true)}: ${
    pathText(path)
  } must not be given beside a top-level ssh_service; keep one`;
}

/** Nothing searches for a program there, and one label cannot have two values. */
function* oddLabelCommands(source: Source, { host }: Config): Iterable<string> {
  for (const [name, { command }] of Object.entries(host?.label_commands ?? {})) {
    const path = ["host", "label_commands", name];
    if (!command[0]?.startsWith("/")) {
      const program = [...path, "command", 0];
      yield `${place(source, program)}: ${pathText(program)} must be the absolute path of a program, not ${
        JSON.stringify(command[0])
      }`;
    }
    if (Object.hasOwn(host!.labels, name)) {
      yield `${place(source, path)}: ${
        pathText(path)
      } must not be given beside host.labels.${name}; keep one`;
    }
  }
}

const natsPort = 4222;
const loopbackNames = ["127.0.0.1", "::1", "localhost"];

/** With an embedded broker that nobody dials, everybody would wait for a bus that never comes. */
function* unreachedBroker(source: Source, { broker, bus }: Config): Iterable<string> {
  if (broker === undefined) return;
  const { hostname, port } = broker.listen;
  const names = loopbackNames.includes(hostname) ? loopbackNames : [hostname];
  const isBroker = (server: string) => {
    const url = new URL(server);
    return names.includes(url.hostname.replace(/^\[|\]$/g, "")) && (Number(url.port) || natsPort) === port;
  };
  if (bus.servers.some(isBroker)) return;
  const path = ["bus", "servers"];
  const wanted = `nats://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  yield `${
    place(source, path)
  }: bus.servers must name ${wanted}, where broker.listen puts the embedded broker, not ${
    bus.servers.join(", ")
  }; make them agree, or remove the section broker to use a NATS server of your own`;
}
