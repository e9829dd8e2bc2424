/** One PAM transaction, from pam_start to pam_end. Synchronous, on the thread that calls it. */

import { cString, readCString } from "./cstring.ts";
import { C_LIBRARY, library } from "./library.ts";
import { libpam } from "./libpam.ts";
import { PamCode, pamCodeName } from "./pam_codes.ts";
import { type Conversation, ConversationCallback } from "./pam_conversation.ts";

export type { Conversation, PamAnswer, PamMessage } from "./pam_conversation.ts";

const libc = library(C_LIBRARY, {
  // void free(void *ptr) <stdlib.h>
  free: { parameters: ["pointer"], result: "void" },
});

/** libpam's sentence for a return code. */
export function pamErrorText(code: number): string {
  return readCString(libpam().pam_strerror(null, code)) ?? pamCodeName(code);
}

/** A PAM call that did not return PAM_SUCCESS. The message is libpam's text for the code. */
export class PamError extends Error {
  override name = "PamError";
  /** Symbolic name of {@link code}, such as `PAM_AUTH_ERR`. */
  readonly codeName: string;
  /**
   * @param call Such as `pam_acct_mgmt`
   * @param code As in <security/_pam_types.h>
   * @param options.cause What the conversation threw during the call
   */
  constructor(readonly call: string, readonly code: number, text: string, options?: ErrorOptions) {
    super(text, options);
    this.codeName = pamCodeName(code);
  }
}

/** This machine's libpam lacks a function: Linux-PAM before 1.4 has no pam_start_confdir. */
export class PamFunctionMissing extends Error {
  override name = "PamFunctionMissing";
  constructor(readonly symbol: string) {
    super(`Cannot find ${symbol} in libpam: Linux-PAM 1.4 or newer has it`);
  }
}

/** PAM_SERVICE … PAM_RUSER <security/_pam_types.h> */
const items = { service: 1, user: 2, tty: 3, rhost: 4, ruser: 8 } as const;
/** PAM_ESTABLISH_CRED … PAM_REINITIALIZE_CRED <security/_pam_types.h> */
const credentialFlags = { establish: 0x2, delete: 0x4, reinitialize: 0x8 } as const;
/** PAM_DISALLOW_NULL_AUTHTOK, PAM_CHANGE_EXPIRED_AUTHTOK, PAM_SILENT <security/_pam_types.h> */
const DISALLOW_NULL_AUTHTOK = 0x1;
const CHANGE_EXPIRED_AUTHTOK = 0x20;
const SILENT = 0x8000;
const POINTER_BYTES = 8;
/** libpam takes the last path component and would read the policy of another service. */
const validServiceName = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** What a transaction is about. */
export interface TransactionOptions {
  /** Name of the policy's file. libpam folds it to lower case, and takes the file `other` if there is none. */
  serviceName: string;
  /** PAM_USER to begin with; a module may change it. */
  login: string;
  /** Folder of the policy files instead of /etc/pam.d, or `null`. */
  confdir: string | null;
  conversation: Conversation;
}

/** A PAM transaction. Dispose of it on every path: that is pam_end, which lets the modules clean up. */
export class Transaction implements Disposable {
  readonly #conversation: ConversationCallback;
  #handle: Deno.PointerObject | null;
  #status: number = PamCode.success;

  private constructor(handle: Deno.PointerObject, conversation: ConversationCallback) {
    this.#handle = handle;
    this.#conversation = conversation;
  }

  /**
   * Calls pam_start, or pam_start_confdir.
   *
   * @throws {RangeError} If the service name is not a plain file name
   * @throws {PamError} PAM_ABORT if libpam cannot read any policy
   * @throws {PamFunctionMissing} If `confdir` is given and libpam has no pam_start_confdir
   * @throws {LibraryMissing} If there is no libpam
   */
  static start({ serviceName, login, confdir, conversation }: TransactionOptions): Transaction {
    if (!validServiceName.test(serviceName)) {
      throw new RangeError(`Cannot use '${serviceName}' as the name of a PAM service`);
    }
    const { pam_start, pam_start_confdir } = libpam();
    if (confdir !== null && !pam_start_confdir) throw new PamFunctionMissing("pam_start_confdir");
    const [service, user] = [cString(serviceName), cString(login)];
    const directory = confdir === null ? null : cString(confdir);
    const callback = new ConversationCallback(conversation);
    const handle = new BigUint64Array(new ArrayBuffer(POINTER_BYTES));
    const code = directory && pam_start_confdir
      ? pam_start_confdir(service, user, callback.pamConv(), directory, handle)
      : pam_start(service, user, callback.pamConv(), handle);
    const pointer = Deno.UnsafePointer.create(handle[0] ?? 0n);
    if (code === PamCode.success && pointer !== null) return new Transaction(pointer, callback);
    // libpam has released the handle itself.
    callback[Symbol.dispose]();
    const call = directory ? "pam_start_confdir" : "pam_start";
    throw new PamError(call, code, pamErrorText(code));
  }

  /**
   * A new `service`, or the same again, makes libpam read the policy anew at the next call; the modules' data stays.
   *
   * @throws {PamError} If libpam does not take the value
   */
  setItem(item: keyof typeof items, value: string): void {
    this.#unwrap("pam_set_item", libpam().pam_set_item(this.#open, items[item], cString(value)));
  }

  /** The item's value, as a module may have changed it; `null` if it was never set. */
  getItem(item: keyof typeof items): string | null {
    const value = new BigUint64Array(new ArrayBuffer(POINTER_BYTES));
    this.#unwrap("pam_get_item", libpam().pam_get_item(this.#open, items[item], value));
    return readCString(Deno.UnsafePointer.create(value[0] ?? 0n));
  }

  /**
   * Sets a variable of the PAM environment, which modules see and the account's processes get.
   *
   * @throws {TypeError} If the name is empty or has a `=`, which to pam_putenv would mean another thing
   */
  putEnvironment(name: string, value: string): void {
    if (name === "" || name.includes("=")) {
      throw new TypeError(`Cannot use '${name}' as the name of an environment variable`);
    }
    this.#unwrap("pam_putenv", libpam().pam_putenv(this.#open, cString(`${name}=${value}`)));
  }

  /** The PAM environment (pam_getenvlist), `NAME=value` each. */
  environment(): string[] {
    const list = libpam().pam_getenvlist(this.#open);
    if (list === null) throw this.#error("pam_getenvlist", PamCode.bufferError);
    const table = new Deno.UnsafePointerView(list);
    const variables: string[] = [];
    for (let offset = 0;; offset += POINTER_BYTES) {
      const variable = table.getPointer(offset);
      if (variable === null) break;
      variables.push(readCString(variable) ?? "");
      libc().free(variable);
    }
    libc().free(list);
    return variables;
  }

  /**
   * Asks the applicant to prove who they are. An account without a password is no proof, whatever the stack says
   * (`nullok`): as sshd with `PermitEmptyPasswords no`.
   *
   * @throws {PamError}
   */
  authenticate(): void {
    this.#unwrap("pam_authenticate", libpam().pam_authenticate(this.#open, DISALLOW_NULL_AUTHTOK));
  }

  /** Asks whether the account may log in now, and may create it. @throws {PamError} */
  acctMgmt(): void {
    this.#unwrap("pam_acct_mgmt", libpam().pam_acct_mgmt(this.#open, 0));
  }

  /** Has the applicant change an expired password, after PAM_NEW_AUTHTOK_REQD. @throws {PamError} */
  changeExpiredAuthTok(): void {
    this.#unwrap("pam_chauthtok", libpam().pam_chauthtok(this.#open, CHANGE_EXPIRED_AUTHTOK));
  }

  /** Gives this process what the account is to have besides its ids, or takes it away. @throws {PamError} */
  setCred(flag: keyof typeof credentialFlags): void {
    this.#unwrap("pam_setcred", libpam().pam_setcred(this.#open, credentialFlags[flag]));
  }

  /** Opens the PAM session. @throws {PamError} */
  openSession(): void {
    this.#unwrap("pam_open_session", libpam().pam_open_session(this.#open, 0));
  }

  /** Closes the PAM session; nobody is there to hear the modules. @throws {PamError} */
  closeSession(): void {
    this.#unwrap("pam_close_session", libpam().pam_close_session(this.#open, SILENT));
  }

  /** Calls pam_end with the status of the last call; a second time it does nothing. */
  [Symbol.dispose](): void {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    libpam().pam_end(handle, this.#status);
    this.#conversation[Symbol.dispose]();
  }

  get #open(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot use a PAM transaction after its end");
    return this.#handle;
  }

  #unwrap(call: string, code: number): void {
    this.#status = code;
    const cause = this.#conversation.takeFailure();
    if (code !== PamCode.success) throw this.#error(call, code, cause);
  }

  #error(call: string, code: number, cause?: unknown): PamError {
    const text = readCString(libpam().pam_strerror(this.#open, code)) ?? pamCodeName(code);
    return new PamError(call, code, text, cause === undefined ? undefined : { cause });
  }
}

/** A transaction's calls, for what stands in for one. */
export type PamCalls = Pick<Transaction, keyof Transaction>;
