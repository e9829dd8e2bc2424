/** Who gets what: subscriptions by subject, literal ones in a map, those with wildcards in a tree. */

import { maxCachedSubjects } from "./limits.ts";
import { isLiteral } from "./subject.ts";

export interface RoutedSubscription {
  readonly subject: string;
  /** Of all subscriptions in one queue group just one gets each message. */
  readonly queue: string | null;
}

/** Everyone a subject leads to. */
export interface Route<T> {
  readonly plain: readonly T[];
  /** Members of each queue group. */
  readonly queues: readonly (readonly T[])[];
}

class Node<T> {
  readonly children = new Map<string, Node<T>>();
  readonly here = new Set<T>();

  get isEmpty(): boolean {
    return this.children.size === 0 && this.here.size === 0;
  }
}

export class Router<T extends RoutedSubscription> {
  readonly #literal = new Map<string, Set<T>>();
  readonly #root = new Node<T>();
  readonly #cache = new Map<string, Route<T>>();

  add(subscription: T): void {
    this.#cache.clear();
    const { subject } = subscription;
    if (!isLiteral(subject)) {
      let node = this.#root;
      for (const token of subject.split(".")) {
        let child = node.children.get(token);
        if (!child) node.children.set(token, child = new Node());
        node = child;
      }
      node.here.add(subscription);
      return;
    }
    const same = this.#literal.get(subject);
    if (same) same.add(subscription);
    else this.#literal.set(subject, new Set([subscription]));
  }

  remove(subscription: T): void {
    this.#cache.clear();
    const { subject } = subscription;
    const same = this.#literal.get(subject);
    if (same?.delete(subscription)) {
      if (same.size === 0) this.#literal.delete(subject);
      return;
    }
    const path: [Node<T>, string][] = [];
    let node = this.#root;
    for (const token of subject.split(".")) {
      const child = node.children.get(token);
      if (!child) return;
      path.push([node, token]);
      node = child;
    }
    node.here.delete(subscription);
    for (const [parent, token] of path.reverse()) {
      if (!parent.children.get(token)?.isEmpty) break;
      parent.children.delete(token);
    }
  }

  /** The route of a literal subject. Valid until the next {@link add} or {@link remove}. */
  route(subject: string): Route<T> {
    let route = this.#cache.get(subject);
    if (!route) {
      route = this.#find(subject);
      if (this.#cache.size >= maxCachedSubjects) this.#cache.clear();
      this.#cache.set(subject, route);
    }
    return route;
  }

  #find(subject: string): Route<T> {
    const found: T[] = [...this.#literal.get(subject) ?? []];
    const tokens = subject.split(".");
    let level = [this.#root];
    for (const token of tokens) {
      const next: Node<T>[] = [];
      for (const node of level) {
        found.push(...node.children.get(">")?.here ?? []);
        const child = node.children.get(token);
        // A token `*` or `>` in a published subject is a literal one: it must not follow a wildcard twice.
        if (child && token !== "*" && token !== ">") next.push(child);
        const any = node.children.get("*");
        if (any) next.push(any);
      }
      level = next;
    }
    for (const node of level) found.push(...node.here);
    const queues = Map.groupBy(found.filter(({ queue }) => queue !== null), ({ queue }) => queue);
    return { plain: found.filter(({ queue }) => queue === null), queues: [...queues.values()] };
  }
}
