/** The sessions on terminals of this host: whose they are, and which one somebody means. */

import type { SessionInfo } from "../../../shared/protocol/channel.ts";
import { maxSessionsListed } from "../../../shared/protocol/limits.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import { span } from "../../../shared/span.ts";
import type { Person, Session } from "./session.ts";

/** One person's sessions that wait: more would take the places of other people's logins (`host.max_leases`). */
const maxWaiting = 32;

export class Sessions {
  readonly #sessions = new Set<Session>();

  add(session: Session): void {
    this.#sessions.add(session);
  }

  remove(session: Session): void {
    session.ended();
    this.#sessions.delete(session);
  }

  /** Ends the oldest of `user`'s sessions that wait, if there are too many. */
  limit(user: string): void {
    const waiting = [...this.#sessions].filter(({ person, viewer }) => person.user === user && !viewer);
    for (const session of waiting.slice(0, -maxWaiting)) session.hangUp();
  }

  /** Those of `user`, whatever the login, the oldest first. */
  listOf(user: string): SessionInfo[] {
    return [...this.#sessions]
      .filter(({ person, isLive }) => isLive && person.user === user)
      .slice(0, maxSessionsListed)
      .map(({ info }) => info);
  }

  /**
   * The session that `user` means: the one with the id `wanted`; or if that is 0, the one that waits, or else the one
   * that another connection of theirs shows. Only with the same login.
   *
   * @throws {ProblemError} `attach-none` or `attach-which`, with their list
   */
  find({ user, login }: Omit<Person, "from">, wanted: number): Session {
    const own = [...this.#sessions].filter(({ isLive, person }) =>
      isLive && person.user === user && person.login === login
    );
    const waiting = own.filter(({ viewer }) => viewer === null);
    const among = wanted > 0 ? own.filter(({ id }) => id === wanted) : waiting.length > 0 ? waiting : own;
    const [session, ...more] = among;
    if (session && more.length === 0) return session;
    if (own.length === 0) throw new ProblemError("attach-none");
    throw new ProblemError("attach-which", own.map(({ info }) => lineOf(info)).join("\n"));
  }
}

/** A session as its owner reads about it. */
export function lineOf({ id, from, ageMs, idleMs, attached }: SessionInfo): string {
  const state = attached ? "attached" : "detached";
  return `${id}  ${state}  from ${from}, ${span(ageMs)} old, idle for ${span(idleMs)}`;
}
