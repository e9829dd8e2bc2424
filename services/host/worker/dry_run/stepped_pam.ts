/**
 * A PAM transaction that runs the stack one module at a time, so that it is known which one said and answered what.
 *
 * libpam tells nobody. But it reads the policy anew after PAM_SERVICE is set (pam_set_item(3)), and keeps everything
 * else of the transaction: items, environment, the modules' data. So for every step the policy becomes a single line,
 * the module's own with the control `[default=ok]`, which hands any answer through; the service keeps its name. The way
 * from one module to the next is then ours to choose ({@link dispatch}).
 */

import {
  type Conversation,
  type PamCalls,
  PamError,
  pamErrorText,
  type PamMessage,
  Transaction,
  type TransactionOptions,
} from "../../../../ffi/pam.ts";
import { PamCode } from "../../../../ffi/pam_codes.ts";
import type { Action } from "../../../../shared/pam/control.ts";
import { dispatch } from "../../../../shared/pam/dispatch.ts";
import type { Entry, Facility, Rule } from "../../../../shared/pam/read_stack.ts";
import { keepingOwnLimits } from "../session_limits.ts";
import type { LibpamManners } from "./libpam_manners.ts";
import type { Policy } from "./policy.ts";

/** Hears what happens, in the order it does. */
export interface Observer {
  /** A call such as `pam_acct_mgmt` begins. */
  onCall(call: string, entries: readonly Entry[]): void;
  onModule(rule: Rule): void;
  /** @param heard What the module said and asked meanwhile */
  onAnswer(entry: Entry, code: number, action: Action, heard: PamMessage[]): void;
  /** @param text libpam's sentence for the code */
  onResult(call: string, code: number, text: string): void;
  /** A call that a dry run does not make. */
  onSkipped(call: string, why: string): void;
}

export interface SteppedPamOptions extends TransactionOptions {
  policy: Policy;
  manners: LibpamManners;
  /** An empty folder of root's alone, for the policy of each step. */
  folder: string;
  observer: Observer;
}

export class SteppedPam implements PamCalls {
  readonly #options: SteppedPamOptions;
  readonly #policyFile: string;
  /** Has the whole policy loaded: while it lives, no step unloads a module whose data or state another needs. */
  readonly #whole: Transaction;
  readonly #pam: Transaction;
  /** What the modules answered to pam_open_session: it chooses the way of pam_close_session. */
  #opened = new Map<Entry, number>();
  #heard: PamMessage[] = [];

  /**
   * @throws {PamError} As pam_start, for the whole policy
   */
  constructor(options: SteppedPamOptions) {
    this.#options = options;
    this.#policyFile = `${options.folder}/${options.serviceName.toLowerCase()}`;
    this.#writePolicy("");
    const conversation: Conversation = (messages) => {
      this.#heard.push(...messages);
      return options.conversation(messages);
    };
    this.#whole = Transaction.start(options);
    try {
      this.#pam = Transaction.start({ ...options, confdir: options.folder, conversation });
    } catch (error) {
      this.#whole[Symbol.dispose]();
      throw error;
    }
  }

  setItem: PamCalls["setItem"] = (item, value) => this.#pam.setItem(item, value);
  getItem: PamCalls["getItem"] = (item) => this.#pam.getItem(item);
  putEnvironment: PamCalls["putEnvironment"] = (name, value) => this.#pam.putEnvironment(name, value);
  environment: PamCalls["environment"] = () => this.#pam.environment();

  authenticate(): void {
    this.#options.observer.onSkipped("pam_authenticate", "nobody is there to prove anything");
  }

  acctMgmt(): void {
    this.#run("pam_acct_mgmt", "account", () => this.#pam.acctMgmt());
  }

  changeExpiredAuthTok(): void {
    this.#options.observer.onSkipped("pam_chauthtok", "nobody is there to give a new password");
    throw new PamError("pam_chauthtok", PamCode.conversationError, "A new password would be asked for");
  }

  setCred: PamCalls["setCred"] = (flag) => {
    const call = flag === "delete" ? "pam_setcred(delete)" : "pam_setcred";
    // No answers of pam_authenticate choose the way.
    this.#run(call, "auth", () => this.#pam.setCred(flag), new Map());
  };

  openSession(): void {
    this.#opened = new Map();
    // Between the modules this process writes files, whatever limits pam_limits sets.
    this.#run("pam_open_session", "session", () => keepingOwnLimits(() => this.#pam.openSession()));
  }

  closeSession(): void {
    this.#run("pam_close_session", "session", () => this.#pam.closeSession(), this.#opened);
  }

  [Symbol.dispose](): void {
    this.#pam[Symbol.dispose]();
    this.#whole[Symbol.dispose]();
  }

  #run(call: string, facility: Facility, action: () => void, frozen?: ReadonlyMap<Entry, number>): void {
    const { observer, policy, manners } = this.#options;
    const entries = policy.entries(facility);
    observer.onCall(call, entries);
    const code = dispatch({
      entries,
      call: (rule) => this.#step(rule, action),
      onAnswer: (entry, code, taken) => {
        if (facility === "session" && !frozen) this.#opened.set(entry, code);
        observer.onAnswer(entry, code, taken, this.#heard.splice(0));
      },
      ...(frozen && { frozen, jumpsCount: manners.jumpsCount }),
    });
    const text = pamErrorText(code);
    observer.onResult(call, code, text);
    if (code !== PamCode.success) throw new PamError(call.replace(/\(.*/, ""), code, text);
  }

  /** Runs one module; what libpam answers for a line on its own is the module's answer. */
  #step(rule: Rule, action: () => void): number {
    this.#options.observer.onModule(rule);
    // Before a comment, a backslash at the end of the text does not ask for another line.
    this.#writePolicy(`${rule.optionalModule ? "-" : ""}${rule.facility} [default=ok] ${rule.text} #\n`);
    this.#pam.setItem("service", this.#options.serviceName);
    try {
      action();
      return PamCode.success;
    } catch (error) {
      if (error instanceof PamError) return error.code;
      throw error;
    }
  }

  #writePolicy(text: string): void {
    Deno.writeTextFileSync(this.#policyFile, text, { mode: 0o600 });
  }
}
