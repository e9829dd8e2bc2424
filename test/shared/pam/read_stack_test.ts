import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { actionsOf, allBad } from "../../../shared/pam/control.ts";
import { readStack } from "../../../shared/pam/read_stack.ts";

const files: Record<string, string> = {
  common: "# first\naccount required one.so\nauth required two.so\n",
  inner: "account required three.so\n",
};
const resolve = (service: string) => {
  const text = files[service];
  return text === undefined ? null : { file: `/${service}`, text };
};

Deno.test("readStack() keeps order, file, line and depth through includes of all kinds", () => {
  const text =
    "@include common\naccount substack inner\naccount include inner\naccount required \\\n four.so\n";
  const { entries } = readStack(text, "/main", resolve);
  deepStrictEqual(
    entries.map(({ file, line, facility, level, text }) => `${file}:${line} ${facility} ${level} ${text}`),
    [
      "/common:2 account 0 one.so",
      "/common:3 auth 0 two.so",
      "/main:2 account 0 inner",
      "/inner:1 account 1 three.so",
      "/inner:1 account 0 three.so",
      "/main:4 account 0 four.so",
    ],
  );
});

Deno.test("readStack() gives a module its arguments as libpam does, and keeps them as written", () => {
  const [rule] =
    readStack("-session [success=ok  default=bad] a.so x=[1] [y=2 \\] 3]  z # not\n", "/f", resolve).rules;
  deepStrictEqual(rule?.args, ["x=[1]", "y=2 ] 3", "z"]);
  strictEqual(rule?.text, "a.so x=[1] [y=2 \\] 3]  z");
  strictEqual(rule?.control, "[success=ok  default=bad]");
  strictEqual(rule?.optionalModule, true);
});

Deno.test("actionsOf() reads short forms and pairs, and takes what it does not understand for bad", () => {
  const names = (control: string) => [0, 6, 12, 25].map((code) => actionsOf(control)[code]);
  deepStrictEqual(names("sufficient"), ["done", "ignore", "done", "ignore"]);
  deepStrictEqual(names("success=2 new_authtok_reqd=ok default=die"), [2, "die", "ok", "die"]);
  deepStrictEqual(names("default=ignore success=ok"), ["ok", "ignore", "ignore", "ignore"]);
  for (const control of ["requird", "success=0", "success", "sucess=ok", "success=okay"]) {
    deepStrictEqual(actionsOf(control), allBad, control);
  }
});
