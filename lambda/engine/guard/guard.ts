/**
 * The guard during a run: plans the guaranteed workload before the first migration and after the last, and names the
 * statements that a migration broke.
 */

import type { ErrorInfo, TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { BrokenStatement, WorkloadReport } from '../../contract/workload';
import { SqlError } from '../../postgres/database';
import { buildLongText, readLongText } from '../../postgres/long-text';
import { makePinnedTransaction } from '../../postgres/pinned-search-path';
import { collectTouchedObjects, hasOpaqueStatements } from '../../workload/touched-objects';
import { DeadlineReachedError, type Run } from '../run';
import { LEAVES_UNDECIDED_SQLSTATE } from '../sql/touched-functions';
import { PLANNING_BUDGET_MS, PLANNING_SHARE } from '../time/limits';
import { computeWorkloadHash } from './guard-sql';
import {
  makeBreaksDeployedError,
  makeBreaksRunningError,
  makeLeavesUndecidedError,
  type NamedStatement,
  toDescribedStatement,
} from './messages';

const buildGuardRequest = (run: Run, more: object): string =>
  JSON.stringify({ namespace: run.names.namespace, deployment: run.names.deployment, ...more });

/** Returns the time limit for planning outside of a migration's transaction. */
function computeBudgetMs(run: Run): number {
  const left = (run.deadline - Date.now()) * PLANNING_SHARE;
  if (left <= 0)
    throw new DeadlineReachedError(
      "the time budget ran out before the application's statements were planned",
    );
  return Math.min(PLANNING_BUDGET_MS, left);
}

/**
 * Returns the time limit for planning the statements that a file touches: the configured time, if the caller can wait
 * that long. Otherwise a slice that began with more time ends, so that the next one has all of its time for planning.
 * Returns `null` if nothing is guarded.
 * @throws {DeadlineReachedError}
 */
export function computeGuardMs(run: Run): number | null {
  if (!run.guarded) return null;
  const share = (from: number): number => (run.deadline - from) * PLANNING_SHARE;
  if (share(Date.now()) < run.guardTimeMs) run.extend(Date.now() + run.guardTimeMs / PLANNING_SHARE);
  const left = share(Date.now());
  if (left <= 0 || (left < run.guardTimeMs && left < share(run.began) / 2))
    throw new DeadlineReachedError(
      "the time budget ran out before the application's statements were planned",
    );
  return Math.min(run.guardTimeMs, left);
}

/** The share of a slice's remaining time that all planning before the first migration may use. */
const TOTAL_PLANNING_SHARE = 0.8;
/** A call of the Data API ends after 45 seconds. */
const MAX_CALL_MS = 40_000;

/**
 * Records how the running application's statements plan before anything is changed, first those that pending files
 * touch. Done once per deployment, in one message.
 * @throws {TrueupError} if one of the statements that pending files touch is undecided
 */
export async function planWorkloadBefore(run: Run, pending: readonly Migration[]): Promise<void> {
  if (!run.guarded) return;
  const own = run.names.ownerRole === null ? [] : [run.names.ownerRole];
  // With schema-per-tenant, live statements cannot be attributed to a tenant.
  const live = run.names.schemas == null;
  const files = pending.map((each) => ({
    name: each.name,
    consent: each.breaks !== undefined,
    ...collectTouchedObjects(each.statements),
  }));
  const forTouched = computeGuardMs(run)!;
  // What code in a transaction touches is only known at its end, so all statements must have been planned before.
  const forOthers = pending.some(hasOpaqueStatements)
    ? Math.max(forTouched, computeBudgetMs(run))
    : computeBudgetMs(run);
  const question = buildGuardRequest(run, {
    guardMs: forTouched,
    budgetMs: forOthers,
    totalMs: Math.min(
      (run.deadline - Date.now()) * TOTAL_PLANNING_SHARE,
      run.db.capabilities.session ? Number.MAX_SAFE_INTEGER : MAX_CALL_MS,
    ),
    workloadDays: run.workloadDays,
    own,
    live,
    files,
  });
  const text = buildLongText(question);
  try {
    await run.db.execute([
      makePinnedTransaction([
        ...text.statements,
        `SELECT trueup._plan_before(${text.expression}::pg_catalog.jsonb)`,
      ]),
    ]);
  } catch (error) {
    if (error instanceof SqlError && error.sqlstate === LEAVES_UNDECIDED_SQLSTATE)
      throw await makeUndecidedError(run, error);
    throw error;
  }
}

/** Adds text, role and calls to statements of the guaranteed workload that are identified by number. */
async function nameStatements<T extends { readonly n: number }>(
  run: Run,
  numbered: readonly T[],
): Promise<(NamedStatement & Omit<T, 'n'>)[]> {
  const rows = await run.db.query<{ number: number; named: string | null }>(
    `SELECT x.number, trueup._describe_guarded_statement(n.name, n.workload, x.number)::pg_catalog.text AS named
FROM trueup.namespaces n, pg_catalog.unnest($2::pg_catalog.text::pg_catalog.int4[]) AS x (number)
WHERE n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
    [run.names.namespace, `{${numbered.map(({ n }) => n).join(',')}}`],
  );
  const texts = new Map(
    rows.flatMap(({ number, named }) =>
      named === null ? [] : [[number, JSON.parse(named) as NamedStatement]],
    ),
  );
  return numbered.map(({ n, ...codes }) => ({
    ...(texts.get(n) ?? { text: `statement ${n}`, role: null, calls: null }),
    ...codes,
  }));
}

/** Builds the error for the statements that a migration broke; the server identifies them only by number. */
export async function makeBrokenWorkloadError(
  run: Run,
  migration: Migration,
  error: SqlError,
  index: number | null,
): Promise<TrueupError> {
  const { count, broken } = JSON.parse(error.message) as {
    count: number;
    broken: { n: number; state?: string; why?: string }[];
  };
  return makeBreaksRunningError(migration, count, await nameStatements(run, broken), index);
}

/**
 * Builds the error for statements that a migration touches and that the server could not plan, so that it is not
 * known whether they still work.
 */
export async function makeUndecidedError(run: Run, error: SqlError): Promise<TrueupError> {
  const { migration, count, open } = JSON.parse(error.message) as {
    migration: string;
    count: number;
    open: { n: number; why: string; object?: string; owner?: string }[];
  };
  const { file } = run.manifest.migrations.find(({ name }) => name === migration) ?? {};
  return makeLeavesUndecidedError({ name: migration, file }, count, await nameStatements(run, open));
}

interface GuardState {
  readonly running: number;
  readonly live: number;
  readonly deployed: {
    readonly statements: number;
    readonly plan: number;
    readonly undecided: Readonly<Record<string, number>>;
    readonly failing: number;
    readonly failed: readonly (NamedStatement & { as: 'broken' | 'before'; migration: string | null })[];
  } | null;
  readonly notes: readonly {
    /** `null` for what was noted before the first migration. */
    readonly migration: string | null;
    readonly consent: boolean;
    readonly notPlanned: Readonly<Record<string, number>>;
    /** Not present in the answer of an older version. */
    readonly notRecorded?: number | null;
    readonly broken: { readonly count: number; readonly named: readonly NamedStatement[] };
    readonly warned: { readonly count: number; readonly named: readonly NamedStatement[] };
  }[];
}

/** Plans the new guaranteed workload after the last commit, and collects the guard's notes of the whole deployment. */
export async function planWorkloadAfter(
  run: Run,
): Promise<{ readonly report: WorkloadReport; readonly error: ErrorInfo | null }> {
  const found = await readGuardState(run, computeWorkloadHash(run.manifest, run.names.schemas ?? null));
  const failing = found.deployed?.failing ?? 0;
  const named = found.deployed?.failed.filter((each) => each.as === 'broken') ?? [];
  return {
    report: buildWorkloadReport(found),
    error: failing === 0 ? null : makeBreaksDeployedError(failing, named),
  };
}

/** Returns the guard's notes of a deployment that failed. */
export const readGuardReport = async (run: Run): Promise<WorkloadReport> =>
  buildWorkloadReport(await readGuardState(run, null));

async function readGuardState(run: Run, workload: string | null): Promise<GuardState> {
  const budget = workload === null ? 0 : computeBudgetMs(run);
  const found = await readLongText(
    run.db,
    'SELECT trueup._plan_after($1::pg_catalog.text::pg_catalog.jsonb)::pg_catalog.text',
    [buildGuardRequest(run, { workload, budgetMs: budget })],
  );
  return JSON.parse(found!) as GuardState;
}

function buildWorkloadReport({ running, live, deployed, notes }: GuardState): WorkloadReport {
  const before = (deployed?.failed ?? []).filter((each) => each.as === 'before');
  const notRecorded = notes.reduce((sum, note) => sum + (note.notRecorded ?? 0), 0);
  const notGuarded: Record<string, number> = {};
  for (const { notPlanned } of notes)
    for (const [why, count] of Object.entries(notPlanned))
      notGuarded[why] = Math.max(notGuarded[why] ?? 0, count);
  const broken = notes.flatMap(({ migration, consent, broken, warned }): BrokenStatement[] => [
    ...broken.named.map((each) => ({
      ...toDescribedStatement(each),
      migration,
      as: consent ? ('consent' as const) : ('non-transactional' as const),
    })),
    ...warned.named.map((each) => ({
      ...toDescribedStatement(each),
      migration,
      as: classifyWarning(each),
    })),
  ]);
  return {
    running,
    ...(live > 0 ? { live } : {}),
    deployed: deployed && { statements: deployed.statements, plan: deployed.plan },
    undecided: deployed?.undecided ?? {},
    notGuarded,
    ...(notRecorded > 0 ? { notRecorded } : {}),
    broken: [
      ...broken,
      ...before.map((each) => ({ ...toDescribedStatement(each), migration: null, as: 'before' as const })),
    ],
  };
}

function classifyWarning({ idle, known, reason }: NamedStatement): BrokenStatement['as'] {
  if (idle) return 'idle';
  if (known) return 'open';
  return reason ? 'undecided' : 'warning';
}
