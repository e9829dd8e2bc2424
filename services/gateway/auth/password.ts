/** `password` (RFC 4252 §8): the answer to PAM's first question, if that is a secret; further ones are put otherwise. */

import { passwordOf } from "../ssh2/mod.ts";
import { refuseLikePam } from "./decoy.ts";
import type { AuthMethod } from "./method.ts";

export const password: AuthMethod = {
  name: "password",
  async judge({ context, entrance }) {
    if (passwordOf(context) === null) {
      return { verdict: "rejected", reason: "the password is not changed this way" };
    }
    const way = entrance.byPam(this.name);
    return way ? { verdict: "accepted", way } : await refuseLikePam();
  },
  answer(context, { questions }) {
    const [question] = questions;
    const secret = passwordOf(context);
    if (questions.length !== 1 || question?.echo !== false || !secret || used.has(context)) {
      return Promise.resolve("elsewhere");
    }
    used.add(context);
    return Promise.resolve([secret]);
  },
};

/** Requests whose password has been given to PAM: it is an answer once. */
const used = new WeakSet<object>();
