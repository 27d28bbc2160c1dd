/** What a dump is cut into. */

/** Texts are bytes as latin1. */
export type Item =
  | { readonly kind: 'statement'; readonly line: number; readonly text: string }
  /** A COPY or an INSERT, how it begins, and how many rows came with it. */
  | { readonly kind: 'rows'; readonly line: number; readonly text: string; readonly rows: number }
  /** A command of psql, without its backslash. */
  | { readonly kind: 'meta'; readonly line: number; readonly text: string }
  /** Longer than is read: how it begins. */
  | { readonly kind: 'too long'; readonly line: number; readonly text: string };

/** Where the dump ended although something was open; null where it ended well. */
export type Open = { readonly in: 'rows' | 'statement'; readonly line: number } | null;
