/** A single result of a check or an audit, from which every format is derived. */

export interface ReportItem {
  /** Id of a rule of the command (rules.ts). */
  readonly rule: string;
  readonly level: 'error' | 'warning' | 'note';
  /**
   * The problem; `remedy` is the advice, if there is any. Both are sentences or clauses and never contain a value of
   * a row.
   */
  readonly message: string;
  readonly remedy: string;
  /** Path relative to the repository, with `/`; `null` if it concerns no file. */
  readonly file: string | null;
  /** Line, from 1; `null` for the whole file. */
  readonly line: number | null;
  /** Column in characters (code points), from 1. */
  readonly column: number | null;
  /** Object in a database, e.g. `public.orders.id`; `null` if it concerns none. */
  readonly object: string | null;
}

const LEVELS = ['error', 'warning', 'note'] as const;

/** Sorts errors before warnings, and keeps the order within a level. */
export const sortByLevel = (items: readonly ReportItem[]): readonly ReportItem[] =>
  LEVELS.flatMap((level) => items.filter((item) => item.level === level));

export const formatItemText = ({ message, remedy }: ReportItem): string =>
  [message, remedy].filter((part) => part !== '').join('\n');
