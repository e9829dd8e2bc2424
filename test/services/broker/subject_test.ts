import assert from "node:assert/strict";
import { covers, isLiteral, isSubject } from "../../../services/broker/subject.ts";

Deno.test("isSubject() refuses empty tokens and a > before the end", () => {
  for (const good of ["a", "a.b", "*", ">", "a.*.b", "a.>", "$SYS.x"]) assert.ok(isSubject(good), good);
  for (const bad of ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b"]) assert.ok(!isSubject(bad), bad);
});

Deno.test("isLiteral() sees wildcards only as whole tokens", () => {
  for (const literal of ["a", "a.b*", ">a.b", "a**"]) assert.ok(isLiteral(literal), literal);
  for (const wild of ["*", "a.*", "a.>", ">"]) assert.ok(!isLiteral(wild), wild);
});

Deno.test("covers() holds when every subject of the one is a subject of the other", () => {
  const table: [pattern: string, subject: string, expected: boolean][] = [
    ["a.b", "a.b", true],
    ["a.b", "a.b.c", false],
    ["a.b.c", "a.b", false],
    ["a.*", "a.b", true],
    ["a.*", "a.*", true],
    ["a.*", "a", false],
    ["a.*", "a.b.c", false],
    ["a.*", "a.>", false],
    ["a.>", "a.>", true],
    ["a.>", "a.*.c", true],
    ["a.>", "a", false],
    ["a.>", ">", false],
    ["a.>", "*.b", false],
    ["a.b", "a.*", false],
    [">", ">", true],
    [">", "a.*", true],
    ["*", ">", false],
  ];
  for (const [pattern, subject, expected] of table) {
    assert.equal(covers(pattern.split("."), subject.split(".")), expected, `${pattern} ${subject}`);
  }
});
