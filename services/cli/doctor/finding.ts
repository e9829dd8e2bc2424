/** What the doctor says: what is wrong, where, and what to do. */

export interface Finding {
  /** An error keeps something from working; a warning may. */
  severity: "error" | "warning";
  /** `file:line`, or `null` for the machine itself. */
  where: string | null;
  /** One sentence: what is wrong. */
  what: string;
  /** One sentence: what to do. */
  remedy: string;
}
