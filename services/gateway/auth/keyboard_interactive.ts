/** `keyboard-interactive` (RFC 4256): the person answers what PAM on the host asks. */

// @ts-types="@types/ssh2"
import type { KeyboardAuthContext } from "ssh2";
import { askQuestions } from "../ssh2/mod.ts";
import { refuseLikePam } from "./decoy.ts";
import type { AuthMethod } from "./method.ts";

export const keyboardInteractive: AuthMethod = {
  name: "keyboard-interactive",
  async judge({ context, entrance }) {
    const way = entrance.byPam(this.name);
    if (way) return { verdict: "accepted", way };
    await askQuestions(context as KeyboardAuthContext, "", [{ text: "Password: ", echo: false }])
      .then((answers) => answers?.forEach((answer) => answer.fill(0)));
    return await refuseLikePam();
  },
  answer(context, { instruction, questions }) {
    return askQuestions(context as KeyboardAuthContext, instruction, questions);
  },
};
