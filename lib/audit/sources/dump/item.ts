/** Types for the items that a dump is split into. */

/** One item of a dump. Texts hold the bytes of the dump as latin1. */
export type DumpItem =
  | { readonly kind: 'statement'; readonly line: number; readonly text: string }
  /** The beginning of a COPY or an INSERT, and the number of its rows. */
  | { readonly kind: 'rows'; readonly line: number; readonly text: string; readonly rows: number }
  /** A command of psql, without its backslash. */
  | { readonly kind: 'meta'; readonly line: number; readonly text: string }
  /** The beginning of a statement that is too long to be read. */
  | { readonly kind: 'too long'; readonly line: number; readonly text: string };

/** Item that was unfinished when the dump ended; `null` if the dump is complete. */
export type OpenItem = { readonly in: 'rows' | 'statement'; readonly line: number } | null;
