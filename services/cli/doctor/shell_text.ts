/** Finding the scripts in a text: the text itself, and what its here-documents write into files. */

export interface ShellLine {
  /** Counted from 1 in the file. */
  number: number;
  text: string;
}

export interface HereDocument {
  /** The line with `<<`. */
  opener: ShellLine;
  /** Whether the shell leaves `$…` in the body alone. */
  quoted: boolean;
  body: ShellLine[];
}

export interface ShellText {
  /** Lines outside here-documents. */
  lines: ShellLine[];
  documents: HereDocument[];
}

const opening = /(?<!<)<<(-?)\s*(\\?)(['"]?)([A-Za-z_]\w*)\3/;

/** Splits a script, or the shell blocks of a Markdown guide. */
export function readShellText(text: string, markdown: boolean): ShellText {
  const all = text.split("\n").map((line, index) => ({ number: index + 1, text: line }));
  const shell = markdown ? fencedLines(all) : all;
  const lines: ShellLine[] = [];
  const documents: HereDocument[] = [];
  for (let index = 0; index < shell.length; index++) {
    const line = shell[index];
    if (line === undefined) break;
    lines.push(line);
    const match = isComment(line) ? null : opening.exec(line.text);
    if (!match) continue;
    const [, dash, backslash, quote, word] = match;
    const ends = ({ text }: ShellLine) => (dash ? text.replace(/^\t+/, "") : text) === word;
    const length = shell.slice(index + 1).findIndex(ends);
    if (length < 0) continue;
    const body = shell.slice(index + 1, index + 1 + length);
    documents.push({ opener: line, quoted: Boolean(backslash || quote), body });
    index += length + 1;
  }
  return { lines, documents };
}

export function isComment({ text }: ShellLine): boolean {
  return /^\s*#/.test(text);
}

/** Lines in ``` blocks that are shell or say nothing of their language. */
function fencedLines(all: ShellLine[]): ShellLine[] {
  const found: ShellLine[] = [];
  let inside: "shell" | "other" | null = null;
  for (const line of all) {
    const fence = /^\s*```\s*(\w*)/.exec(line.text);
    if (fence) {
      inside = inside !== null ? null : /^(|bash|sh|shell|console)$/.test(fence[1] ?? "") ? "shell" : "other";
    } else if (inside === "shell") found.push(line);
  }
  return found;
}
