/** The dry run's way through a stack, held against libpam's own on the same stack. */

import { deepStrictEqual, ok } from "node:assert/strict";
import { type PamCalls, PamError, Transaction, type TransactionOptions } from "../../../../../ffi/pam.ts";
import { askLibpam } from "../../../../../services/host/worker/dry_run/libpam_manners.ts";
import { Policy } from "../../../../../services/host/worker/dry_run/policy.ts";
import { type Observer, SteppedPam } from "../../../../../services/host/worker/dry_run/stepped_pam.ts";
import { PolicyFolder } from "../../../../ffi/policy_folder.ts";

const silent: Observer = { onCall() {}, onModule() {}, onAnswer() {}, onResult() {}, onSkipped() {} };

/** What each of a login's calls answers, and all that is said; `null` when there is no transaction. */
function outcome(start: (options: TransactionOptions) => PamCalls, folder: string, serviceName: string) {
  const said: string[] = [];
  const conversation: TransactionOptions["conversation"] = (messages) => {
    said.push(...messages.map(({ text }) => text));
    return messages.map(() => null);
  };
  const answer = (call: () => void) => {
    try {
      call();
      return 0;
    } catch (error) {
      if (error instanceof PamError) return error.code;
      throw error;
    }
  };
  try {
    using pam = start({ serviceName, login: "guest", confdir: folder, conversation });
    const codes = [
      answer(() => pam.acctMgmt()),
      answer(() => pam.setCred("establish")),
      answer(() => pam.openSession()),
      answer(() => pam.closeSession()),
      answer(() => pam.setCred("delete")),
    ];
    return { codes, said };
  } catch (error) {
    if (error instanceof PamError) return error.codeName;
    throw error;
  }
}

function stepped(folder: string, observer = silent): (options: TransactionOptions) => SteppedPam {
  const own = Deno.makeTempDirSync({ dir: folder });
  const manners = askLibpam(own);
  const policy = new Policy({ serviceName: "test", confdir: folder }, manners);
  return (options) => new SteppedPam({ ...options, policy, manners, folder: own, observer });
}

/** Service files by name; `test` is the service, and `%` the folder. */
type Files = Record<string, string>;

function compare(files: Files): ReturnType<typeof outcome> {
  using policies = new PolicyFolder();
  for (const [name, text] of Object.entries(files)) {
    Deno.writeTextFileSync(`${policies.path}/${name}`, text.replaceAll("%", policies.path));
  }
  const real = outcome((options) => Transaction.start(options), policies.path, "test");
  deepStrictEqual(
    outcome(stepped(policies.path), policies.path, "test"),
    real,
    JSON.stringify(files, null, 1),
  );
  return real;
}

/** A repeatable choice among things. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  pick<T>(from: readonly T[]): T {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) >>> 0;
    return from[(this.#state >>> 16) % from.length]!;
  }
}

const codes = ["success", "success", "success", "perm_denied", "user_unknown", "ignore", "new_authtok_reqd"];
const controls = [
  ...["required", "requisite", "sufficient", "optional", "Required"],
  ...[1, 2, 3].flatMap((
    n,
  ) => [`[success=${n} default=ignore]`, `[success=ok default=${n}]`, `[default=${n}]`]),
  ...["[default=reset]", "[success=reset ignore=ok default=die]", "[success=done default=bad]"],
  ...[
    "[default=ok]",
    "[ignore=die default=ok]",
    "[user_unknown=ignore success=ok default=bad]",
    "[default=die]",
  ],
  ...["nonsense", "[success=0]", "[success=okay]", "[ success = ok  new_authtok_reqd = 1 default=ignore ]"],
];

function line(dice: Dice, facility: string, depth: number): string {
  if (depth < 2 && dice.pick([1, 2, 3, 4, 5]) === 1) {
    return `${facility} ${dice.pick(["include", "substack"])} %/${dice.pick(["one", "two"])}${depth}`;
  }
  const answers = ["acct", "cred", "open_session", "close_session"].map((of) => `${of}=${dice.pick(codes)}`);
  const module = dice.pick([
    "pam_debug.so",
    "pam_debug.so",
    "pam_debug.so",
    "pam_debug.so",
    "pam_nowhere.so",
  ]);
  return `${dice.pick(["", "", "", "-"])}${facility} ${dice.pick(controls)} ${module} ${answers.join(" ")}`;
}

function randomStack(dice: Dice, depth: number): string {
  return ["account", "auth", "session"].flatMap((facility) =>
    Array.from({ length: dice.pick([1, 2, 3, 4, 5, 6]) }, () => line(dice, facility, depth))
  ).join("\n") + "\n";
}

Deno.test("a stepped stack answers and says what libpam's own run of it does, whatever controls and answers", () => {
  const results = new Set<string>();
  for (let seed = 1; seed <= 100; seed++) {
    const dice = new Dice(seed * 7_919);
    const real = compare({
      test: randomStack(dice, 0),
      one0: randomStack(dice, 1),
      two0: randomStack(dice, 1),
      one1: randomStack(dice, 2),
      two1: randomStack(dice, 2),
    });
    if (typeof real !== "string") real.codes.forEach((code, index) => results.add(`${index}: ${code}`));
  }
  // The stacks differ in what they decide; otherwise nothing would have been compared.
  for (const code of [0, 6, 10, 12]) {
    for (const call of [0, 1, 2, 3]) {
      ok(results.has(`${call}: ${code}`), `call ${call} never answered ${code}`);
    }
  }
});

const permits = "auth required pam_permit.so\nsession required pam_permit.so\n";

function nested(control: string, depth: number): Files {
  const files: Files = { test: `account ${control} %/1\n${permits}` };
  for (let n = 1; n < depth; n++) files[n] = `account ${control} %/${n + 1}\n`;
  return { ...files, [depth]: "account required pam_debug.so acct=maxtries\n" };
}

const odd: Record<string, Files> = {
  "an include that leads nowhere": { test: `account include nowhere\n${permits}` },
  "a substack that leads nowhere": {
    test: `account substack nowhere\naccount required pam_permit.so\n${permits}`,
  },
  "Debian's include": {
    test: `@include %/common\n${permits}`,
    common: "account required pam_debug.so acct=maxtries\n",
  },
  "Debian's include that leads nowhere": {
    test: `${permits}account required pam_permit.so\n@include nowhere\n`,
  },
  "a facility of the service other": {
    test: permits,
    other: "account required pam_debug.so acct=acct_expired\nsession required pam_deny.so\n",
  },
  "a facility of nobody": { test: permits },
  "includes by name": {
    test: `account include one\naccount substack two\n${permits}`,
    one: "account required pam_debug.so acct=maxtries\n",
    two: "account required pam_debug.so acct=success\n",
  },
  "includes of the system's": {
    test: `account required pam_permit.so\naccount include common-account\n${permits}`,
  },
  "a line of an unknown facility": {
    test: `acount required pam_permit.so\naccount required pam_permit.so\n${permits}`,
  },
  "a line without a module": { test: `account required\naccount required pam_permit.so\n${permits}` },
  "a line without a control": { test: `account\naccount required pam_permit.so\n${permits}` },
  "a line of two": { test: `account required pam_debug.so \\\n  acct=perm_denied\n${permits}` },
  "a comment": { test: `#account required pam_deny.so\naccount required pam_permit.so # acct\n${permits}` },
  "arguments in brackets": { test: `account required pam_debug.so [acct=auth_err]\n${permits}` },
  "an incomplete answer": { test: `account required pam_debug.so acct=incomplete\n${permits}` },
  "a module with its whole path": { test: `account required /nowhere/pam_permit.so\n${permits}` },
  "a jump too far": { test: `account [default=3] pam_permit.so\naccount required pam_permit.so\n${permits}` },
  "blanks after the backslash": { test: `account required \\ \t\n  pam_debug.so acct=maxtries\n${permits}` },
  "a comment and an empty line in a continued line": {
    test: `account required \\\n# a comment\n\n  pam_debug.so acct=maxtries\n${permits}`,
  },
  "a backslash before a comment": { test: `account required pam_permit.so \\ # to be continued\n${permits}` },
  "an included file that ends in a backslash": {
    test: `account include %/one\n${permits}`,
    one: "account required pam_permit.so\naccount required pam_deny.so \\\n",
  },
  "line ends of Windows": { test: `account required pam_permit.so\r\n${permits}` },
  "an empty line of Windows": { test: `account required pam_permit.so\n\r\n${permits}` },
  "an include of an unknown facility": {
    test: `acount include %/one\naccount required pam_permit.so\n${permits}`,
    one: "account required pam_deny.so\nauth required pam_debug.so cred=cred_err\n",
  },
  "twenty includes in one another": nested("include", 20),
  "fifteen substacks in one another": nested("substack", 15),
  "sixteen substacks in one another": nested("substack", 16),
  "a substack of itself": { test: `account substack %/test\naccount required pam_permit.so\n${permits}` },
};

for (const [what, files] of Object.entries(odd)) {
  Deno.test(`a stepped stack does with ${what} as libpam does`, () => void compare(files));
}
