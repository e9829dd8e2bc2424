/** What a terminal has shown, made fit to be shown once more on another one. */

import type { OutputRing } from "./output_ring.ts";

/** In a ring that was cut, a line begins within so many bytes, or there are no lines to speak of. */
const maxLineBytes = 4_096;
const newline = 0x0a;

/**
 * Questions to the terminal (ctlseqs of xterm): answered once more, the answers would be typed into whatever runs now.
 * ENQ; device attributes, status, modes and sizes; colours; settings and capabilities; the version.
 */
const questions = [
  "\\x05",
  "\\x1b\\[[>=?]?[0-9;]*c",
  "\\x1b\\[\\??[56](?:;[0-9]+)?n",
  "\\x1b\\[\\??[0-9;]*\\$p",
  "\\x1b\\[(?:1[1-9]|2[01])(?:;[0-9]*)*t",
  "\\x1b\\[>[0-9]*q",
  "\\x1b\\[\\?u",
  "\\x1b\\][0-9;]*;\\?(?:\\x07|\\x1b\\\\)",
  "\\x1bP(?:\\$|\\+)q[^\\x1b]*\\x1b\\\\",
];
const anyQuestion = new RegExp(questions.join("|"), "g");

/** The contents of `ring` without questions to the terminal, from the beginning of a line if their own is lost. */
export function replayOf(ring: OutputRing): Uint8Array {
  const contents = ring.contents();
  const from = ring.isCut ? contents.subarray(0, maxLineBytes).indexOf(newline) + 1 : 0;
  const kept = characters(contents.subarray(from)).replace(anyQuestion, "");
  return Uint8Array.from(kept, (character) => character.charCodeAt(0));
}

/** One for each byte, with its number; TextDecoder knows no code that does so. */
function characters(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += maxLineBytes) {
    text += String.fromCharCode(...bytes.subarray(at, at + maxLineBytes));
  }
  return text;
}
