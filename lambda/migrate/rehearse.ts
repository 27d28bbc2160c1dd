/** Statements are planned on the live database for somebody who asks from outside. Read only; none of them is run. */
import { TrueupError } from '../contract/errors';
import type { PromisedStatement, Rehearsed, Verdict } from '../contract/workload';
import { explainFailed, failedStatement } from '../defects/statement';
import { readPromise } from '../engine/guard/promise-now';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import type { Database } from '../postgres/database';
import { planStatements } from '../workload/plan';
import { onCatalogue } from './diagnosis';

/** Of what is left of the invocation: what the catalogue says of failures takes time too. */
const SHARE = 0.7;
const LONGEST_MS = 5 * 60_000;
const CATALOGUE_TIMEOUT_MS = 10_000;
/** In one answer. */
const MOST_CAUSES = 50;

/**
 * @param given null: what the running application promises, from this number on
 * @throws {TrueupError}
 */
export function rehearse(
  ctx: EngineContext,
  namespace: string,
  given: readonly PromisedStatement[] | null,
  from: number,
): Promise<Rehearsed> {
  const statements = given === null ? null : checked(given);
  return withDatabase(ctx, async (db) => {
    const promised = statements === null ? await readPromise(db, namespace, from) : undefined;
    const asked = statements ?? promised!.statements;
    const budgetMs = Math.min(LONGEST_MS, Math.max(0, (ctx.deadline - Date.now()) * SHARE));
    const verdicts = await planStatements(db, asked, { budgetMs });
    const causes = await onCatalogue(db, CATALOGUE_TIMEOUT_MS, (catalogue) =>
      causesOf(catalogue, asked, verdicts, ctx.deadline),
    );
    return { ...(promised ? { promised } : {}), verdicts, causes };
  });
}

async function causesOf(
  db: Database,
  asked: readonly PromisedStatement[],
  verdicts: readonly Verdict[],
  deadline: number,
): Promise<Rehearsed['causes'][number][]> {
  const failing = verdicts
    .map((verdict, at) => ({ verdict, at, ...asked[at]! }))
    .filter(({ verdict: { outcome } }) => outcome === 'fails' || outcome === 'would-fail')
    .sort((a, b) => (b.calls ?? 0) - (a.calls ?? 0));
  const causes: Rehearsed['causes'][number][] = [];
  for (const { at, text, role, verdict } of failing.slice(0, MOST_CAUSES)) {
    if (Date.now() >= deadline) break;
    const found = await explainFailed(db, failedStatement(text, role, verdict));
    if (found !== null) causes.push({ at, cause: found.cause, repair: found.repair });
  }
  return causes;
}

/** What comes in over the wire may be of another version, or written by hand. */
function checked(statements: readonly PromisedStatement[]): readonly PromisedStatement[] {
  const textOrNull = (value: unknown): boolean => value === null || typeof value === 'string';
  if (
    Array.isArray(statements) &&
    statements.every(
      (each) =>
        typeof each?.text === 'string' &&
        textOrNull(each.role ?? null) &&
        textOrNull(each.searchPath ?? null),
    )
  )
    return statements.map(({ text, role, searchPath, calls }) => ({
      text,
      role: role ?? null,
      searchPath: searchPath ?? null,
      calls: typeof calls === 'number' ? calls : null,
    }));
  throw new TrueupError({
    code: 'unsupported',
    message: 'the statements to plan do not have the form that this version expects',
    remedy: 'Use `trueup rehearse --stack` of the same version.',
  });
}
