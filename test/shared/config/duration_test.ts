import assert from "node:assert/strict";
import { parseDuration } from "../../../shared/config/duration.ts";

Deno.test("parseDuration() reads the formats of sshd_config", () => {
  const cases: Record<string, number | null> = {
    "0": 0,
    "600": 600_000,
    "10m": 600_000,
    "1h30m": 5_400_000,
    "2M": 120_000,
    "1d": 86_400_000,
    "90s5": 95_000,
    "": null,
    "-1": null,
    "1.5": null,
    "5y": null,
    "m": null,
    "1 h": null,
    "99w": null,
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(parseDuration(text), expected, text);
});
