/** The configured variables of PAM's environment for one applicant: templates filled with traits and logins. */

import type { PamSettings, Template, TemplatePart } from "../../../shared/config/host_settings.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { maxPamEnvironmentBytes, maxPamValueBytes } from "../../../shared/protocol/limits.ts";

/** What the templates speak of. */
export type Facts = Pick<LeaseOpen, "traits" | "logins">;

/** For the operator's log, which gets names and never values. */
export type Warn = (message: string, properties: Record<string, unknown>) => void;

/** A list in a log line; names are somebody's configuration, and a record has an end. */
const maxListedLength = 2_048;

const encoder = new TextEncoder();

/**
 * The variables in the order of the configuration. One whose template has nothing to stand for is left out, as in
 * Teleport; so is one that has no room any more. A longer value is cut where Teleport cuts it.
 */
export function expandEnvironment(
  templates: PamSettings["environment"],
  facts: Facts,
  warn: Warn,
): [name: string, value: string][] {
  const variables: [string, string][] = [];
  const lacking: string[] = [], cut: string[] = [], crowded: string[] = [];
  const missing = new Set<string>();
  let room = maxPamEnvironmentBytes;
  for (const [name, template] of Object.entries(templates)) {
    const whole = fill(template, facts);
    if (whole === null) {
      lacking.push(name);
      for (const part of template) if (valuesOf(part, facts).length === 0) missing.add(partName(part));
      continue;
    }
    const value = cutTo(maxPamValueBytes, whole);
    if (value !== whole) cut.push(name);
    room -= encoder.encode(`${name}=${value}`).length;
    if (room < 0) crowded.push(name);
    else variables.push([name, value]);
  }
  const tell = (names: string[], message: string, properties: Record<string, unknown>) => {
    if (names.length > 0) warn(message, { variables: listed(names), ...properties });
  };
  tell(lacking, "PAM's environment goes without {variables}, for nothing is known of {facts}", {
    facts: listed([...missing]),
  });
  tell(cut, "In PAM's environment values are cut at {bytes} bytes: {variables}", { bytes: maxPamValueBytes });
  tell(crowded, "PAM's environment is full at {bytes} bytes and goes without {variables}", {
    bytes: maxPamEnvironmentBytes,
  });
  return variables;
}

/**
 * A template on its own repeats the text around it for each of its values, as in Teleport: `team-{{external.team}}` is
 * `team-web team-db`. Several in one value, which Teleport refuses, stand for all their values each.
 */
function fill(template: Template, facts: Facts): string | null {
  const values = template.map((part) => valuesOf(part, facts));
  if (values.some((list) => list.length === 0)) return null;
  const joined = values.map((list) => list.join(" "));
  const isTemplate = (part: TemplatePart) => !("text" in part);
  const at = template.findIndex(isTemplate);
  if (at !== template.findLastIndex(isTemplate)) return joined.join("");
  const [before, after] = [joined.slice(0, Math.max(at, 0)).join(""), joined.slice(at + 1).join("")];
  return (values[at] ?? [""]).map((value) => before + value + after).join(" ");
}

/** Nothing empty counts as a value. */
function valuesOf(part: TemplatePart, { traits, logins }: Facts): string[] {
  if ("text" in part) return [part.text];
  if ("internal" in part) return logins;
  const values = Object.hasOwn(traits, part.external) ? traits[part.external] ?? [] : [];
  return values.filter((value) => value !== "");
}

function partName(part: TemplatePart): string {
  if ("text" in part) return part.text;
  return "internal" in part ? `internal.${part.internal}` : `external.${part.external}`;
}

/** At most so many bytes of UTF-8, and no half character at the end. */
function cutTo(maxBytes: number, text: string): string {
  const bytes = encoder.encode(text);
  if (bytes.length <= maxBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
}

function listed(names: string[]): string {
  const text = names.join(", ");
  return text.length > maxListedLength ? `${text.slice(0, maxListedLength)}…` : text;
}
