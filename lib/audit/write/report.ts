/** What became of findings that were to be written. */
export interface WrittenReport {
  readonly folder: string;
  /** In their order; empty where nothing can be written, and then there is no folder. */
  readonly files: readonly string[];
  /** Open decisions in them. */
  readonly decisions: number;
  /** Findings that no file mends, and what went with a table, say, and does not come back with it; and why. */
  readonly unwritten: readonly { readonly id: string; readonly object: string; readonly why: string }[];
}
