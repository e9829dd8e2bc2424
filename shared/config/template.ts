/** Values of `ssh_service.pam.environment`: text with facts about the person in double braces, as Teleport writes them. */

import type { Template, TemplatePart } from "./host_settings.ts";

/** A trait's name in the configuration may have as many characters. */
const maxTraitNameLength = 128;

/** `{{…}}` without braces inside, which Teleport does not take either (its lib/utils/parse). */
const braces = /\{\{([^{}]*)\}\}/;
/** `namespace.name`, or `namespace["any name"]`, with blanks where Go's grammar allows them. */
const expression = /^\s*(external|internal)\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*("(?:[^"\\]|\\.)*")\s*\])\s*$/;

/** Completes "must be …". */
export const templateForms =
  'text, in quotes, in which {{external.NAME}} or {{external["any name"]}} stands for a trait and {{internal.logins}} for the logins';

/**
 * Reads text around any number of templates; none at all is a literal. `null` when something in double braces is not
 * one of the {@link templateForms}: a namespace nobody knows, a function, braces that do not match.
 */
export function parseTemplate(value: string): Template | null {
  const pieces = value.split(braces);
  const parts: Template = [];
  for (const [index, piece] of pieces.entries()) {
    // split() puts what the braces held between the texts.
    const part = index % 2 === 1 ? parseExpression(piece) : parseText(piece);
    if (part === null) return null;
    if (!("text" in part) || part.text !== "") parts.push(part);
  }
  return parts;
}

function parseText(text: string): TemplatePart | null {
  return /\{\{|\}\}|\0/.test(text) ? null : { text };
}

function parseExpression(text: string): TemplatePart | null {
  const [, namespace, plain, quoted] = expression.exec(text) ?? [];
  const name = plain ?? unquoted(quoted ?? '""');
  if (name === "" || name.length > maxTraitNameLength) return null;
  if (namespace === "external") return { external: name };
  return name === "logins" ? { internal: name } : null;
}

function unquoted(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return "";
  }
}
