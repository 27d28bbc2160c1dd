/**
 * The server's own word on an ON CONFLICT clause of the log: the statement is planned, read only, as the workload is. Values
 * that the log hides become parameters, so what depends on them stays undecided.
 */
import type { Database } from '../../postgres/database';
import { quoteIdentifier } from '../../sql/quote';
import { tokens } from '../../sql/tokens';
import { planStatements } from '../../workload/plan';

export interface PlannedConflict {
  /** False: no unique index matches the clause (42P10). */
  readonly plans: boolean;
  /** `schema.name`, also behind views. */
  readonly relations: readonly string[];
  /** Indexes by which it may decide. */
  readonly arbiters: readonly string[];
}

/** Somebody may wait for the page. */
const BUDGET_MS = 3_000;

/**
 * Null where the planner says nothing of the clause: the statement is cut short or no statement of its own, the role that
 * asks may not plan it, or its values decide.
 * @param path the schemas that the sender's session finds, in order
 * @throws {ConnectionLost}
 */
export async function planConflict(
  db: Database,
  statement: string,
  user: string,
  path: readonly string[],
): Promise<PlannedConflict | null> {
  const text = plannable(statement);
  if (text === null || !db.capabilities.session) return null;
  const asked = { text, role: user === '' ? null : user, searchPath: path.map(quoteIdentifier).join(', ') };
  const [verdict] = await planStatements(db, [asked], { budgetMs: BUDGET_MS });
  const { outcome, relations, arbiters } = verdict!;
  if (outcome === 'plans' || outcome === 'would-fail') return { plans: true, relations, arbiters };
  return verdict!.outcome === 'fails' && verdict!.sqlstate === '42P10'
    ? { plans: false, relations, arbiters }
    : null;
}

/** With `$n` for each `?` that stands for a value. Where it is an operator, the server finds no statement in it. */
export function plannable(statement: string): string | null {
  const all = [...tokens(statement)];
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
