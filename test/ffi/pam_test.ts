import assert from "node:assert/strict";
import { type Conversation, PamError, type PamMessage, Transaction } from "../../ffi/pam.ts";
import { inOwnProcess, resultOf } from "./own_process.ts";
import { PolicyFolder } from "./policy_folder.ts";
import { spyOn } from "./spy.ts";

/** What libpam was asked in the order it was, with pam_end's status. */
const calls: string[] = [];
spyOn((symbol, real) =>
  symbol.startsWith("pam_") && real
    ? (...args) => {
      const result = real(...args);
      if (/^pam_(start|end)/.test(symbol)) calls.push(symbol === "pam_end" ? `pam_end ${args[1]}` : symbol);
      return result;
    }
    : real
);

/** What libpam was asked last before each callback was closed. */
const closedAfter: string[] = [];
const { close } = Deno.UnsafeCallback.prototype;
Deno.UnsafeCallback.prototype.close = function () {
  closedAfter.push(calls.at(-1) ?? "nothing");
  close.call(this);
};

/** A test with policies of its own, after which no callback is left behind. */
function pamTest(name: string, body: (policies: PolicyFolder) => void): void {
  Deno.test(name, () => {
    calls.length = 0;
    closedAfter.length = 0;
    using policies = new PolicyFolder();
    body(policies);
    // Whatever happened, libpam has let go of every callback when it is closed, and none is left.
    const starts = calls.filter((call) => call.startsWith("pam_start"));
    assert.ok(closedAfter.length >= starts.length, `${closedAfter.length} of ${starts.length} closed`);
    for (const last of closedAfter) assert.match(last, /^pam_end|^pam_start/);
  });
}

function start(
  policies: PolicyFolder,
  serviceName: string,
  conversation: Conversation = () => [],
  login = "guest",
) {
  return Transaction.start({ serviceName, login, confdir: policies.path, conversation });
}

function pamError(action: () => void): PamError {
  try {
    action();
  } catch (error) {
    if (error instanceof PamError) return error;
    throw error;
  }
  throw new Error("No PamError was thrown");
}

const permitAll = ["auth", "account", "session", "password"].map((facility) =>
  `${facility} required pam_permit.so`
);

pamTest("Transaction goes through a whole login and ends with the last status", (policies) => {
  const log = `${policies.path}/log`;
  const script = policies.script(`echo $PAM_TYPE >> ${log}`);
  const lines = ["auth", "account", "session"].map((facility) =>
    `${facility} required pam_exec.so ${script}`
  );
  // pam_exec ignores pam_setcred, and a stack in which all ignore refuses.
  lines.push("auth required pam_permit.so");
  {
    using transaction = start(policies, policies.service(...lines));
    transaction.authenticate();
    transaction.acctMgmt();
    transaction.setCred("establish");
    transaction.openSession();
    transaction.setCred("reinitialize");
    transaction.closeSession();
    transaction.setCred("delete");
  }
  const types = Deno.readTextFileSync(log).trim().split("\n");
  assert.deepEqual(types.filter((type) => type !== "setcred"), [
    "auth",
    "account",
    "open_session",
    "close_session",
  ]);
  assert.deepEqual(calls, ["pam_start_confdir", "pam_end 0"]);
  assert.deepEqual(closedAfter, ["pam_end 0"]);
});

const refusals: [
  facility: string,
  call: string,
  act: (transaction: Transaction) => void,
  codeName: string,
][] = [
  ["auth", "pam_authenticate", (transaction) => transaction.authenticate(), "PAM_AUTH_ERR"],
  ["account", "pam_acct_mgmt", (transaction) => transaction.acctMgmt(), "PAM_AUTH_ERR"],
  ["auth", "pam_setcred", (transaction) => transaction.setCred("establish"), "PAM_CRED_ERR"],
  ["session", "pam_open_session", (transaction) => transaction.openSession(), "PAM_SESSION_ERR"],
  ["session", "pam_close_session", (transaction) => transaction.closeSession(), "PAM_SESSION_ERR"],
  ["password", "pam_chauthtok", (transaction) => transaction.changeExpiredAuthTok(), "PAM_AUTHTOK_ERR"],
];
for (const [facility, call, act, codeName] of refusals) {
  pamTest(
    `Transaction throws a PamError when a module refuses ${call}, and passes its code to pam_end`,
    (policies) => {
      let error: PamError;
      {
        using transaction = start(policies, policies.service(`${facility} required pam_deny.so`));
        error = pamError(() => act(transaction));
      }
      assert.equal(error.call, call);
      assert.equal(error.codeName, codeName);
      assert.ok(error.message.length > 0);
      assert.deepEqual(calls, ["pam_start_confdir", `pam_end ${error.code}`]);
    },
  );
}

pamTest(
  "Transaction calls pam_end once, however often it is disposed of and wherever the login breaks off",
  (policies) => {
    const service = policies.service(...permitAll);
    const steps: ((transaction: Transaction) => void)[] = [
      (transaction) => transaction.setItem("rhost", "192.0.2.1"),
      (transaction) => transaction.putEnvironment("A", "b"),
      (transaction) => transaction.authenticate(),
      (transaction) => transaction.acctMgmt(),
      (transaction) => transaction.setCred("establish"),
      (transaction) => transaction.openSession(),
    ];
    for (let stop = 0; stop <= steps.length; stop++) {
      calls.length = 0;
      assert.throws(() => {
        using transaction = start(policies, service);
        for (const step of steps.slice(0, stop)) step(transaction);
        throw new Error("broken off");
      }, /broken off/);
      assert.deepEqual(calls, ["pam_start_confdir", "pam_end 0"], `after ${stop} steps`);
    }
    calls.length = 0;
    const transaction = start(policies, service);
    transaction[Symbol.dispose]();
    transaction[Symbol.dispose]();
    assert.deepEqual(calls, ["pam_start_confdir", "pam_end 0"]);
  },
);

pamTest("Transaction refuses to be used after its end", (policies) => {
  const transaction = start(policies, policies.service(...permitAll));
  transaction[Symbol.dispose]();
  assert.throws(() => transaction.acctMgmt(), /Cannot use a PAM transaction after its end/);
  assert.throws(() => transaction.environment(), /after its end/);
  assert.deepEqual(calls, ["pam_start_confdir", "pam_end 0"]);
});

pamTest(
  "Transaction.start() throws PAM_ABORT when there is no policy, and there is nothing to end",
  (policies) => {
    const missing = pamError(() => start(policies, "missing"));
    assert.deepEqual([missing.call, missing.codeName], ["pam_start_confdir", "PAM_ABORT"]);
    const options = { serviceName: "x", login: "guest", conversation: () => [] };
    assert.equal(
      pamError(() => Transaction.start({ ...options, confdir: "/no/such/folder" })).codeName,
      "PAM_ABORT",
    );
    assert.deepEqual(calls, ["pam_start_confdir", "pam_start_confdir"]);
  },
);

pamTest("Transaction.start() reads /etc/pam.d without a confdir", () => {
  Transaction.start({ serviceName: "login", login: "root", confdir: null, conversation: () => [] })
    [Symbol.dispose]();
  assert.deepEqual(calls, ["pam_start", "pam_end 0"]);
});

pamTest("Transaction.start() refuses a service name that is not a plain file name", (policies) => {
  for (const name of ["", ".", "..", "../login", "a/b", ".hidden", "a b", "a\0b", "ä"]) {
    assert.throws(() => start(policies, name), RangeError, JSON.stringify(name));
  }
  assert.deepEqual(calls, []);
});

pamTest("Transaction.start() reads the policy of the service name in lower case", (policies) => {
  policies.service(...permitAll);
  using transaction = start(policies, "SERVICE1");
  transaction.acctMgmt();
});

pamTest("Transaction.start() refuses a login that C would cut short", (policies) => {
  assert.throws(() => start(policies, policies.service(...permitAll), undefined, "root\0x"), TypeError);
  assert.deepEqual(calls, []);
});

Deno.test("Transaction.start() throws when this libpam has no pam_start_confdir", async () => {
  const { stderr } = await inOwnProcess((ffi) => {
    const open = Deno.dlopen;
    Deno.dlopen = ((name: string, table: Deno.ForeignLibraryInterface) => {
      const { symbols, close } = open(name, table);
      return { close, symbols: { ...symbols, pam_start_confdir: null } };
    }) as typeof Deno.dlopen;
    ffi.Transaction.start({ serviceName: "login", login: "root", confdir: null, conversation: () => [] })
      [Symbol.dispose]();
    ffi.Transaction.start({
      serviceName: "login",
      login: "root",
      confdir: "/etc/pam.d",
      conversation: () => [],
    });
  }, null);
  assert.match(stderr, /PamFunctionMissing: Cannot find pam_start_confdir in libpam/);
});

pamTest("setItem() and putEnvironment() reach the modules", (policies) => {
  const seen = `${policies.path}/seen`;
  const script = policies.script(`env | sort > ${seen}`);
  using transaction = start(policies, policies.service(`account required pam_exec.so ${script}`));
  transaction.setItem("rhost", "2001:db8::1");
  transaction.setItem("tty", "ssh");
  transaction.setItem("ruser", "applicant");
  transaction.setItem("user", "zoë");
  transaction.putEnvironment("TELEPORT_ROLES", "access auditor");
  transaction.putEnvironment("EMPTY", "");
  transaction.acctMgmt();
  const lines = Deno.readTextFileSync(seen).trim().split("\n").filter((line) => !line.startsWith("PWD="));
  assert.deepEqual(lines, [
    "EMPTY=",
    "PAM_RHOST=2001:db8::1",
    "PAM_RUSER=applicant",
    "PAM_SERVICE=service1",
    "PAM_TTY=ssh",
    "PAM_TYPE=account",
    "PAM_USER=zoë",
    "TELEPORT_ROLES=access auditor",
  ]);
});

pamTest("getItem() gives what was set, and null for what was not", (policies) => {
  using transaction = start(policies, policies.service(...permitAll));
  assert.equal(transaction.getItem("user"), "guest");
  assert.equal(transaction.getItem("rhost"), null);
  transaction.setItem("rhost", "192.0.2.7");
  assert.equal(transaction.getItem("rhost"), "192.0.2.7");
});

pamTest("environment() gives what was put and what modules add", (policies) => {
  const variables = policies.file("FROM_MODULE DEFAULT=yes\n");
  const lines = [
    `session required pam_env.so readenv=0 conffile=${variables}`,
    "session required pam_permit.so",
  ];
  using transaction = start(policies, policies.service(...lines));
  assert.deepEqual(transaction.environment(), []);
  transaction.putEnvironment("OWN", "a=b c");
  transaction.openSession();
  assert.deepEqual(transaction.environment().sort(), ["FROM_MODULE=yes", "OWN=a=b c"]);
});

pamTest("putEnvironment() refuses a name that would mean another variable", (policies) => {
  using transaction = start(policies, policies.service(...permitAll));
  for (const name of ["", "A=B", "=A"]) assert.throws(() => transaction.putEnvironment(name, "x"), TypeError);
  assert.throws(() => transaction.putEnvironment("A", "x\0y"), TypeError);
});

pamTest("a notice reaches the conversation as the module's text", (policies) => {
  const messages: PamMessage[] = [];
  const refusing = policies.file("Closed for maintenance\n");
  const lines = [
    "session optional pam_echo.so Welcome, %u",
    `session optional pam_echo.so file=${policies.file(Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a))}`,
    `session optional pam_exec.so stdout ${policies.script(`cat ${refusing}; echo oops >&2`)}`,
    "session required pam_permit.so",
  ];
  using transaction = start(policies, policies.service(...lines), (said) => {
    messages.push(...said);
    return [];
  });
  transaction.openSession();
  assert.deepEqual(messages, [
    { style: "textInfo", text: "Welcome, guest" },
    { style: "textInfo", text: "caf\u{fffd}" },
    { style: "textInfo", text: "Closed for maintenance" },
    { style: "textInfo", text: "oops" },
  ]);
});

/** A policy that accepts the password "42". */
function askForPassword(policies: PolicyFolder, expected: string): string {
  const answer = policies.file(expected);
  const script = policies.script(`tr -d '\\0' | cmp -s - ${answer}`);
  return policies.service(`auth required pam_exec.so expose_authtok ${script}`);
}

pamTest("a prompt's answer reaches the module", (policies) => {
  const asked: PamMessage[] = [];
  const service = askForPassword(policies, "schöner Schlüssel");
  const answering = (answer: string | Uint8Array): Conversation => (messages) => {
    asked.push(...messages);
    return [answer];
  };
  using right = start(policies, service, answering("schöner Schlüssel"));
  right.authenticate();
  assert.deepEqual(asked, [{ style: "promptEchoOff", text: "Password: " }]);
  using bytes = start(policies, service, answering(new TextEncoder().encode("schöner Schlüssel")));
  bytes.authenticate();
  using wrong = start(policies, service, answering("another"));
  assert.equal(pamError(() => wrong.authenticate()).call, "pam_authenticate");
});

pamTest("a conversation that throws or has no answer fails the call, and is its cause", (policies) => {
  const service = askForPassword(policies, "42");
  const failure = new Error("The connection was closed");
  using throwing = start(policies, service, () => {
    throw failure;
  });
  assert.equal(pamError(() => throwing.authenticate()).cause, failure);
  using silent = start(policies, service, () => []);
  const { cause } = pamError(() => silent.authenticate());
  assert.match(String(cause), /no answer was given/);
  using tooLong = start(policies, service, () => ["x".repeat(513)]);
  assert.match(String(pamError(() => tooLong.authenticate()).cause), /more than 512 bytes/);
});

pamTest("an expired password can be changed, with several questions in one call", (policies) => {
  const asked: PamMessage[] = [];
  const lines = ["account required pam_stress.so expired", "password required pam_stress.so"];
  using transaction = start(policies, policies.service(...lines), (messages) => {
    asked.push(...messages);
    return messages.map(({ style }) => style.startsWith("prompt") ? "new secret" : null);
  });
  assert.equal(pamError(() => transaction.acctMgmt()).codeName, "PAM_NEW_AUTHTOK_REQD");
  transaction.changeExpiredAuthTok();
  assert.deepEqual(asked.map(({ style }) => style), ["textInfo", "promptEchoOff", "promptEchoOff"]);
});

pamTest("setCred() is refused by a policy without auth lines, as many a recipe is", (policies) => {
  using transaction = start(policies, policies.service("account required pam_permit.so"));
  transaction.acctMgmt();
  assert.equal(pamError(() => transaction.setCred("establish")).codeName, "PAM_PERM_DENIED");
});

Deno.test("openSession() lets pam_limits change the process that calls it", async () => {
  using policies = new PolicyFolder();
  const limits = policies.file("* soft nofile 321\n* hard nofile 432\n");
  const serviceName = policies.service(`session required pam_limits.so conf=${limits}`);
  const nofile = await resultOf((ffi, { serviceName, confdir }) => {
    using transaction = ffi.Transaction.start({
      serviceName,
      login: "nobody",
      confdir,
      conversation: () => [],
    });
    transaction.openSession();
    const { soft, hard } = ffi.getLimit("nofile");
    return [Number(soft), Number(hard)];
  }, { serviceName, confdir: policies.path });
  assert.deepEqual(nofile, [321, 432]);
});
