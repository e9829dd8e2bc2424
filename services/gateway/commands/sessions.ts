/** `+sessions`: the person's own sessions on terminals, on all hosts they reach, and how to take one up. */

import type { SessionInfo } from "../../../shared/protocol/channel.ts";
import { type Problem, ProblemError } from "../../../shared/protocol/problems.ts";
import { span } from "../../../shared/span.ts";
import type { CommandContext, OperatorCommand } from "./command.ts";
import { table } from "./table.ts";

/** Hosts asked at one time: each costs them a worker that verifies the question. */
const maxAsked = 16;

export const sessionsCommand: OperatorCommand = {
  name: "sessions",
  summary: "your own sessions, and how to take them up",
  options: [{ flags: "--json", about: "one JSON object a line" }],
  async run(context, { json }) {
    const answers = await askAll(context);
    const rows = answers.flatMap(({ host, sessions }) => sessions.map((session) => ({ host, ...session })));
    const unheard = answers.filter(({ problem }) => problem !== null);
    if (json) {
      const lines = [...rows, ...unheard.map(({ host, problem }) => ({ host, problem }))];
      return await context.print(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    }
    await context.print(asTable(rows));
    for (const { host, problem } of unheard) {
      await context.print(`${host}: ${new ProblemError(problem!).message}\n`);
    }
  },
};

interface Answer {
  host: string;
  sessions: SessionInfo[];
  problem: Problem | null;
}

async function askAll(context: CommandContext): Promise<Answer[]> {
  const { applicant, client, hosts, policy, signal } = context;
  const waiting = hosts.all().filter((host) => policy().reaches(applicant, { host, source: client.address }))
    .map(({ name }) => name);
  const answers: Answer[] = [];
  const askNext = async () => {
    for (let host = waiting.shift(); host !== undefined && !signal.aborted; host = waiting.shift()) {
      answers.push(await ask(host, context));
    }
  };
  await Promise.all(Array.from({ length: maxAsked }, askNext));
  return answers.sort((a, b) => a.host < b.host ? -1 : 1);
}

async function ask(host: string, { applicant, client, leases }: CommandContext): Promise<Answer> {
  try {
    return { host, sessions: await leases.sessionsOn(host, { applicant, client }), problem: null };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { host, sessions: [], problem: error.problem };
  }
}

function asTable(rows: (SessionInfo & { host: string })[]): string {
  if (rows.length === 0) return "You have no sessions on terminals.\n";
  return table(
    ["TAKE UP AS", "STATE", "FROM", "AGE", "IDLE"],
    rows.map(({ id, login, host, attached, from, ageMs, idleMs }) => [
      `${login}+${host}+attach=${id}`,
      attached ? "attached" : "detached",
      from,
      span(ageMs),
      span(idleMs),
    ]),
  );
}
