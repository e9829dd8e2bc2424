/** What is wrong with a file as YAML, in words for somebody who did not want to learn YAML. */

import { type Document, isMap, isScalar, type LineCounter, type Scalar, visit, type YAMLError } from "yaml";

/** `line:column: sentence` */
export function yamlMistake(error: YAMLError, document: Document, text: string, lines: LineCounter): string {
  const [offset] = error.pos;
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}: ${sentence(error, document, text, lines)}`;
}

function sentence(error: YAMLError, document: Document, text: string, lines: LineCounter): string {
  const [offset] = error.pos;
  if (error.code === "DUPLICATE_KEY") return repeatedKey(document, offset, lines);
  if (error.code === "TAB_AS_INDENT" || isIndentedByTab(text, offset)) {
    return "YAML is indented with blanks only; put blanks in place of the tab at the start of this line";
  }
  return error.message.replace(/\.$/, "");
}

function repeatedKey(document: Document, offset: number, lines: LineCounter): string {
  const [again, first] = sameKeys(document, offset);
  const earlier = first?.range ? ` in line ${lines.linePos(first.range[0]).line}` : "";
  return `${JSON.stringify(again?.value)} is given already${earlier}; keep one of the two`;
}

/** The key at `offset`, and the first of that name in the same map. */
function sameKeys(document: Document, offset: number): (Scalar | undefined)[] {
  let found: (Scalar | undefined)[] = [];
  visit(document, {
    Scalar(position, node, path) {
      const map = path.at(-2);
      if (position !== "key" || node.range?.[0] !== offset || !isMap(map)) return;
      const keys = map.items.map(({ key }) => key).filter((key): key is Scalar => isScalar(key));
      found = [node, keys.find(({ value }) => value === node.value)];
      return visit.BREAK;
    },
  });
  return found;
}

function isIndentedByTab(text: string, offset: number): boolean {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^ *\t/.test(text.slice(start));
}
