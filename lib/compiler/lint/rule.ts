/**
 * A lint rule: finds statements that need consent, or that must be written differently. The place where a statement's
 * locks are determined (rules/) detects it; a separate file per rule, listed in index.ts, has its message and SQL with
 * and without the problem.
 */

export const CONSENTS = ['destroys', 'rewrites'] as const;
/** `destroys`: data may be lost. `rewrites`: a table is rewritten or scanned while others wait. */
export type Consent = (typeof CONSENTS)[number];

export interface Rule<Args extends readonly unknown[] = readonly never[]> {
  /** Stable name in kebab case, used in `-- migrate:consent <id> <why>` and as the heading in docs/rules-*.md. */
  readonly id: string;
  readonly consent: Consent;
  /** A sentence that says what happens. */
  readonly title: string;
  readonly says: (...args: Args) => RuleMessage;
  /** Statements of a file that breaks the rule, on the tables of test/compiler/samples.ts. */
  readonly bad: readonly string[];
  /** Statements to write instead, or the nearest ones that lose no data. */
  readonly good: readonly string[];
}

export interface RuleMessage {
  /** A clause without a full stop. */
  readonly what: string;
  /**
   * SQL or advice to follow instead.
   * @default - there is nothing better
   */
  readonly remedy?: string;
}

export const defineRule = <Args extends readonly unknown[]>(it: Rule<Args>): Rule<Args> => it;
