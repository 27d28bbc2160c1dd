/** What a check or an audit says, one thing each, in the form that every format begins from. */

export interface ReportItem {
  /** An id of the rules of its command (rules.ts). */
  readonly rule: string;
  readonly level: 'error' | 'warning' | 'note';
  /** What is wrong, and what to do where that is known: sentences or clauses. Never a value of a row. */
  readonly message: string;
  readonly remedy: string;
  /** Relative to the repository, with `/`; null where no file is meant. */
  readonly file: string | null;
  /** From 1; null where the whole file is meant. */
  readonly line: number | null;
  /** In characters (code points), from 1. */
  readonly column: number | null;
  /** In a database, e.g. `public.orders.id`; null where none is meant. */
  readonly object: string | null;
}

const LEVELS = ['error', 'warning', 'note'] as const;

/** Errors before warnings; those of one level stay in their order. */
export const worstFirst = (items: readonly ReportItem[]): readonly ReportItem[] =>
  LEVELS.flatMap((level) => items.filter((item) => item.level === level));

export const textOf = ({ message, remedy }: ReportItem): string =>
  [message, remedy].filter((part) => part !== '').join('\n');
