/** `+hosts`: the hosts that the person may log in to, as their heartbeats describe them. */

import type { HostState } from "../hosts.ts";
import type { CommandContext, OperatorCommand } from "./command.ts";
import { follow } from "./follow.ts";
import { table } from "./table.ts";

export const hostsCommand: OperatorCommand = {
  name: "hosts",
  summary: "the hosts you may log in to",
  options: [
    { flags: "--json", about: "one JSON object a line" },
    { flags: "--watch", about: "go on, and print them again when something changes" },
  ],
  async run(context, { json, watch }) {
    const render = () => json ? asJson(rowsFor(context)) : asTable(rowsFor(context));
    if (watch) await follow(context, render);
    else await context.print(render());
  },
};

interface HostRow {
  name: string;
  state: "up" | "draining" | "silent";
  leases: number;
  /** Load average of a minute over the number of processors. */
  load: number;
  version: string;
  labels: Record<string, string>;
}

function rowsFor({ applicant, client, hosts, policy }: CommandContext): HostRow[] {
  const row = (state: HostRow["state"]) => ({ name, leases, load, version, labels }: HostState) => ({
    ...{ name, state, leases, load: load / 100, version, labels },
  });
  const reached = (list: HostState[]) =>
    list.filter((host) => policy().reaches(applicant, { host, source: client.address }));
  return [
    ...reached(hosts.all()).map((host) => row(host.draining ? "draining" : "up")(host)),
    ...reached(hosts.silent()).map(row("silent")),
  ].sort((a, b) => a.name < b.name ? -1 : 1);
}

function asJson(rows: HostRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

function asTable(rows: HostRow[]): string {
  if (rows.length === 0) return "No host that you may log in to is known here.\n";
  return table(
    ["HOST", "STATE", "LOGINS", "LOAD", "VERSION", "LABELS"],
    rows.map(({ name, state, leases, load, version, labels }) => [
      ...[name, state, String(leases), load.toFixed(2), version],
      Object.entries(labels).map(([label, value]) => `${label}=${value}`).sort().join(","),
    ]),
  );
}
