/** The guard of a run: before its first migration, what a migration broke, and what it all came to. */

import type { ErrorInfo, TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { BrokenPromise, WorkloadReport } from '../../contract/workload';
import type { SqlError } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import { pinned } from '../../postgres/pinned';
import { quoteLiteral } from '../../sql/quote';
import { NotYet, type Run } from '../run';
import { PLANNING_BUDGET_MS, PLANNING_SHARE } from '../time/limits';
import { promiseHash } from './statements';
import { breaksDeployed, breaksRunning, inWords, type Named } from './words';

const asked = (run: Run, more: object): string =>
  JSON.stringify({ namespace: run.names.namespace, deployment: run.names.deployment, ...more });

/** What planning may take outside of any migration's transaction. */
function budgetMs(run: Run): number {
  const left = (run.deadline - Date.now()) * PLANNING_SHARE;
  if (left <= 0) throw new NotYet("the time budget ran out before the application's statements were planned");
  return Math.min(PLANNING_BUDGET_MS, left);
}

/** How the running application's statements plan before anything is changed. Once a deployment, in one message. */
export async function planBefore(run: Run): Promise<void> {
  if (!run.guarded) return;
  const own = run.names.ownerRole === null ? [] : [run.names.ownerRole];
  // What the database of many tenants runs is nobody's alone.
  const live = run.names.schemas == null;
  const ask = quoteLiteral(
    asked(run, { budgetMs: budgetMs(run), workloadDays: run.workloadDays, own, live }),
  );
  await run.db.execute([pinned([`SELECT trueup._promise_before(${ask})`])]);
}

/** The statements that the server named by number only. */
export async function brokenBy(
  run: Run,
  migration: Migration,
  error: SqlError,
  index: number | null,
): Promise<TrueupError> {
  const { count, broken } = JSON.parse(error.message) as {
    count: number;
    broken: { n: number; state?: string; why?: string }[];
  };
  const rows = await run.db.query<{ number: number; named: string | null }>(
    `SELECT x.number, trueup._sent(n.name, n.promise, x.number)::pg_catalog.text AS named
FROM trueup.namespaces n, pg_catalog.unnest($2::pg_catalog.text::pg_catalog.int4[]) AS x (number)
WHERE n.name OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
    [run.names.namespace, `{${broken.map(({ n }) => n).join(',')}}`],
  );
  const texts = new Map(
    rows.flatMap(({ number, named }) => (named === null ? [] : [[number, JSON.parse(named) as Named]])),
  );
  const named = broken.map(({ n, ...codes }) => ({
    ...(texts.get(n) ?? { text: `statement ${n}`, role: null, calls: null }),
    ...codes,
  }));
  return breaksRunning(migration, count, named, index);
}

interface Found {
  readonly running: number;
  readonly live: number;
  readonly deployed: {
    readonly statements: number;
    readonly plan: number;
    readonly undecided: Readonly<Record<string, number>>;
    readonly failing: number;
    readonly failed: readonly (Named & { as: 'broken' | 'before'; migration: string | null })[];
  } | null;
  readonly notes: readonly {
    readonly migration: string;
    readonly consent: boolean;
    readonly unasked: Readonly<Record<string, number>>;
    readonly broken: { readonly count: number; readonly named: readonly Named[] };
    readonly warned: { readonly count: number; readonly named: readonly Named[] };
  }[];
}

/** After the last commit: the new promise must plan. And what the guard has noted on the way. */
export async function planAfter(
  run: Run,
): Promise<{ readonly report: WorkloadReport; readonly error: ErrorInfo | null }> {
  const found = await ask(run, promiseHash(run.manifest, run.names.schemas ?? null));
  const failing = found.deployed?.failing ?? 0;
  const named = found.deployed?.failed.filter((each) => each.as === 'broken') ?? [];
  return { report: reportOf(found), error: failing === 0 ? null : breaksDeployed(failing, named) };
}

/** Of a deployment that failed: what was noted, as far as it can still be asked. */
export const noted = async (run: Run): Promise<WorkloadReport> => reportOf(await ask(run, null));

async function ask(run: Run, promise: string | null): Promise<Found> {
  const budget = promise === null ? 0 : budgetMs(run);
  const found = await readLongText(
    run.db,
    'SELECT trueup._promise_after($1::pg_catalog.text::pg_catalog.jsonb)::pg_catalog.text',
    [asked(run, { promise, budgetMs: budget })],
  );
  return JSON.parse(found!) as Found;
}

function reportOf({ running, live, deployed, notes }: Found): WorkloadReport {
  const before = (deployed?.failed ?? []).filter((each) => each.as === 'before');
  const notGuarded: Record<string, number> = {};
  for (const { unasked } of notes)
    for (const [why, count] of Object.entries(unasked))
      notGuarded[why] = Math.max(notGuarded[why] ?? 0, count);
  const broken = notes.flatMap(({ migration, consent, broken, warned }): BrokenPromise[] => [
    ...broken.named.map((each) => ({
      ...inWords(each),
      migration,
      as: consent ? ('consent' as const) : ('outside' as const),
    })),
    ...warned.named.map((each) => ({
      ...inWords(each),
      migration,
      as: each.idle ? ('idle' as const) : each.reason ? ('undecided' as const) : ('warning' as const),
    })),
  ]);
  return {
    running,
    ...(live > 0 ? { live } : {}),
    deployed: deployed && { statements: deployed.statements, plan: deployed.plan },
    undecided: deployed?.undecided ?? {},
    notGuarded,
    broken: [
      ...broken,
      ...before.map((each) => ({ ...inWords(each), migration: null, as: 'before' as const })),
    ],
  };
}
