/** Result of writing findings as migrations. */
export interface WrittenReport {
  readonly folder: string;
  /** Files in their order; empty if nothing can be written, and then there is no folder. */
  readonly files: readonly string[];
  /** Number of open decisions in the files. */
  readonly decisions: number;
  /** Findings, and objects lost with a table for example, that no file repairs, with the reason. */
  readonly unwritten: readonly { readonly id: string; readonly object: string; readonly why: string }[];
}
