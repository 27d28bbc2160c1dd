/**
 * A lint rule: what needs a word of consent, or another way to write it. What it is found in is read where the statement's
 * locks are (rules/); what it says, and SQL with it and without, stands in a file of its own, which index.ts names.
 */

export const CONSENTS = ['destroys', 'rewrites'] as const;
/** `destroys`: data may be lost. `rewrites`: a table is rewritten or scanned while others wait. */
export type Consent = (typeof CONSENTS)[number];

export interface Rule<Args extends readonly unknown[] = readonly never[]> {
  /** Stable, kebab-case: `-- migrate:consent <id> <why>`, and its heading in docs/rules-*.md. */
  readonly id: string;
  readonly consent: Consent;
  /** A sentence: what happens. */
  readonly title: string;
  readonly says: (...args: Args) => Said;
  /** Statements of a file that breaks it, over the tables of test/compiler/samples.ts. */
  readonly bad: readonly string[];
  /** What to write in its place, or the nearest that loses nothing. */
  readonly good: readonly string[];
}

export interface Said {
  /** A clause without a full stop. */
  readonly what: string;
  /** What to write in its place. @default - there is nothing better */
  readonly remedy?: string;
}

export const rule = <Args extends readonly unknown[]>(it: Rule<Args>): Rule<Args> => it;
