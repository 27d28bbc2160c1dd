/**
 * Plans a logged statement with ON CONFLICT on the server, read-only, as workload statements are planned. Literals that
 * the log hides become parameters, so whatever depends on their values stays undecided.
 */
import type { Database } from '../../postgres/database';
import { quoteIdentifier } from '../../sql/quote';
import { tokenizeSql } from '../../sql/tokens';
import { planStatements } from '../../workload/plan-statements';

export interface PlannedConflict {
  /** False if no unique index matches the clause (42P10). */
  readonly plans: boolean;
  /** Relations that the plan uses as `schema.name`, including those behind views. */
  readonly relations: readonly string[];
  /** Indexes that the clause may use as arbiters. */
  readonly arbiters: readonly string[];
}

/** Short, since a person may be waiting for the page. */
const PLANNING_BUDGET_MS = 3_000;

/**
 * Plans the statement. Returns null if the planner does not decide about the clause: the statement is cut or cannot be
 * planned on its own, the login may not plan it, or its values decide.
 * @param path the search path of the sender's session
 * @throws {ConnectionLostError}
 */
export async function planConflict(
  db: Database,
  statement: string,
  user: string,
  path: readonly string[],
): Promise<PlannedConflict | null> {
  const text = toPlannableStatement(statement);
  if (text === null || !db.capabilities.session) return null;
  const asked = { text, role: user === '' ? null : user, searchPath: path.map(quoteIdentifier).join(', ') };
  const [verdict] = await planStatements(db, [asked], { budgetMs: PLANNING_BUDGET_MS });
  const { outcome, relations, arbiters } = verdict!;
  if (outcome === 'plans' || outcome === 'would-fail') return { plans: true, relations, arbiters };
  return verdict!.outcome === 'fails' && verdict!.sqlstate === '42P10'
    ? { plans: false, relations, arbiters }
    : null;
}

/**
 * Replaces each literal, and each `?` in its place, with a parameter `$n`. If a `?` is an operator, the server reports
 * a syntax error, which decides nothing.
 */
function toPlannableStatement(statement: string): string | null {
  const all = [...tokenizeSql(statement)];
  if (all.some(({ type }) => type === 'withheld') || statement.includes('…')) return null;
  let number = Math.max(
    0,
    ...all.filter(({ type }) => type === 'parameter').map(({ text }) => Number(text.slice(1))),
  );
  return all
    .map(({ type, text, spaced }) => {
      const value = type === 'literal' || (type === 'symbol' && text === '?');
      return (spaced ? ' ' : '') + (value ? `$${++number}` : text);
    })
    .join('')
    .trim();
}
