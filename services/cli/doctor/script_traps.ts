/** The traps of account scripts, as Teleport's guide sets them. Pure: text in, findings out. */

import type { Finding } from "./finding.ts";
import { isComment, readShellText, type ShellLine } from "./shell_text.ts";

/** @param file Name for findings; one that ends in .md is read as a guide with shell blocks */
export function scriptFindings(text: string, file: string): Finding[] {
  const { lines, documents } = readShellText(text, file.endsWith(".md"));
  const at = (line: ShellLine) => `${file}:${line.number}`;
  const findings = documents.flatMap(({ opener, quoted, body }) =>
    quoted || !body.some(expands) ? [] : [expandingDocument(at(opener))]
  );
  const scripts = [lines, ...documents.map(({ body }) => body)];
  return [...findings, ...scripts.flatMap((script) => trapsOf(script, at))];
}

type At = (line: ShellLine) => string;

/** `$NAME`, `${…}`, `$(…)` or a backtick, not escaped. */
function expands({ text }: ShellLine): boolean {
  return /(?<!\\)(\$[A-Za-z_{(]|`)/.test(text);
}

function expandingDocument(where: string): Finding {
  return {
    severity: "error",
    where,
    what:
      "This here-document is not quoted, so its variables are filled in now, while they are empty, and not at the login",
    remedy: "write <<'EOF' in place of <<EOF, and install the script again",
  };
}

function trapsOf(script: ShellLine[], at: At): Finding[] {
  const code = script.filter((line) => !isComment(line));
  return [
    ...bashRedirections(script, code, at),
    ...emptyNames(code, at),
    ...hiddenFailure(code, at),
    ...predictableFiles(code, at),
  ];
}

/** `&>` is bash's; any other shell runs the command in the background and then tests an empty one, which succeeds. */
function bashRedirections(script: ShellLine[], code: ShellLine[], at: At): Finding[] {
  const interpreter = script.find(({ text }) => text.startsWith("#!"))?.text ?? "#!/bin/sh";
  if (/\b(bash|zsh)\b/.test(interpreter)) return [];
  return code.filter(({ text }) => /&>/.test(text)).map((line) => ({
    severity: "error",
    where: at(line),
    what:
      '"&>" is not a redirection for sh (dash on Debian and Ubuntu): the command runs in the background, counts as successful, and what follows "||" never runs',
    remedy: 'write ">/dev/null 2>&1", or begin the script with #!/bin/bash',
  }));
}

const accountCommand = /\b(id|getent|useradd|usermod|adduser|groupadd)\b/;

function emptyNames(code: ShellLine[], at: At): Finding[] {
  return code.filter(({ text }) => accountCommand.test(text) && /\s(""|'')(\s|$)/.test(text)).map((line) => ({
    severity: "error",
    where: at(line),
    what:
      'There is an empty "" where the login should be: an unquoted here-document has emptied the variables',
    remedy: "install the script again with <<'EOF' in place of <<EOF",
  }));
}

/** useradd where a command begins, with what follows on its line. */
const makesAccount = /(?:^|[;|&(]|\bthen|\belse|\bdo)\s*(?:\/\S*\/)?(?:useradd|adduser)\b(.*)/;

function hiddenFailure(code: ShellLine[], at: At): Finding[] {
  const strict = code.some(({ text }) => /^\s*set\s+-\w*e/.test(text));
  const makers = code.filter(({ text }) => makesAccount.test(text));
  if (makers.length === 0) return [];
  const swallowed = makers.filter(({ text }) =>
    /\|\|\s*(true|:)(\s|$)/.test(makesAccount.exec(text)?.[1] ?? "")
  );
  const last = code.findLast(({ text }) => text.trim() !== "");
  const always = !strict && last && /^\s*exit\s+0\s*$/.test(last.text) ? [last] : [];
  return [...swallowed, ...always].map((line) => ({
    severity: "error",
    where: at(line),
    what: `"${line.text.trim()}" hides that useradd failed: the login goes on without an account`,
    remedy: 'return the status of useradd, for instance with "set -eu" at the top and no exit 0 at the end',
  }));
}

function predictableFiles(code: ShellLine[], at: At): Finding[] {
  return code.flatMap((line) => {
    const file = />\s*"?(\/(?:var\/)?tmp\/[^\s"'$;|&]+)"?(?![\w$])/.exec(line.text)?.[1];
    if (file === undefined) return [];
    return [{
      severity: "warning",
      where: at(line),
      what: `${file} is written as root under a name anybody can prepare, and is lost at the next login`,
      remedy:
        "write to stderr (pam_exec with stdout or log=), to logger, or below a folder only root can write",
    }];
  });
}
