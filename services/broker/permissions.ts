/** What one identity may publish to and subscribe to. Whatever no entry covers is refused. */

import type { AllowList } from "../../shared/protocol/subjects.ts";
import { maxCachedSubjects, maxResponseGrants, responseTtlMs } from "./limits.ts";
import { covers, isLiteral, isSubject } from "./subject.ts";

export class Permissions {
  readonly #publish: string[][];
  readonly #subscribe: string[][];
  readonly #responds: boolean;
  /** Answers by publish subject; frames of a lease ask the same again and again. */
  readonly #known = new Map<string, boolean>();
  /** Reply subject of a request it received → until when it may answer, in order of arrival. */
  readonly #grants = new Map<string, number>();

  constructor(allow: AllowList) {
    this.#publish = allow.publish.map((subject) => subject.split("."));
    this.#subscribe = allow.subscribe.map((subject) => subject.split("."));
    this.#responds = allow.responds;
  }

  /** Whether every subject `subject` stands for is allowed. */
  maySubscribe(subject: string): boolean {
    const tokens = subject.split(".");
    return this.#subscribe.some((pattern) => covers(pattern, tokens));
  }

  /** Uses up the grant of a response, where that is what allows it. `now` in milliseconds. */
  mayPublish(subject: string, now: number): boolean {
    return this.#isListed(subject) || this.#takeGrant(subject, now);
  }

  #isListed(subject: string): boolean {
    let listed = this.#known.get(subject);
    if (listed === undefined) {
      const tokens = subject.split(".");
      listed = isSubject(subject) && isLiteral(subject) &&
        this.#publish.some((pattern) => covers(pattern, tokens));
      if (this.#known.size >= maxCachedSubjects) this.#known.clear();
      this.#known.set(subject, listed);
    }
    return listed;
  }

  /** Notes that it was sent a request, so that it may answer once. */
  grantResponse(reply: string, now: number): void {
    if (!this.#responds || this.#isListed(reply)) return;
    this.#grants.delete(reply);
    this.#grants.set(reply, now + responseTtlMs);
    for (const [oldest, until] of this.#grants) {
      if (until > now && this.#grants.size <= maxResponseGrants) break;
      this.#grants.delete(oldest);
    }
  }

  #takeGrant(subject: string, now: number): boolean {
    const until = this.#grants.get(subject);
    if (until === undefined) return false;
    this.#grants.delete(subject);
    return until > now;
  }
}
