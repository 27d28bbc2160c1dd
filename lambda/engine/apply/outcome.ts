/**
 * Reads from the catalog how a non-transactional statement ended if its answer was lost. If the server completed
 * the statement after the client disconnected, it also recorded that; this covers all other cases.
 */

import type { StartedTarget, StatementStart, StatementTarget } from '../../contract/manifest';
import type { Database } from '../../postgres/database';
import type { Run } from '../run';
import { dropInvalidIndex, readIndex } from './index-state';
import { dropReindexLeftovers, isRebuilt } from './reindex';
import { resolveRelations } from './resolve-names';

export type StatementProgress =
  /** The database is in the state that the statement produces. */
  | { readonly is: 'done' }
  /** The statement must be sent. */
  | { readonly is: 'open' }
  | { readonly is: 'under way'; readonly message: string }
  /** It ended between two of its own transactions; the statement in `finish` completes it. */
  | { readonly is: 'half done'; readonly finish: string }
  /** It left an INVALID index of this name. */
  | { readonly is: 'invalid'; readonly name: string };

const COMPLETED: StatementProgress = { is: 'done' };
const NOT_COMPLETED: StatementProgress = { is: 'open' };
const completedIf = (done: boolean): StatementProgress => (done ? COMPLETED : NOT_COMPLETED);

/**
 * Reads how the statement ended. @param since when it was begun; `null` if it was not, so that whatever exists was
 * there before
 */
export async function readStatementOutcome(
  run: Run,
  target: StatementTarget | null,
  since: StatementStart | null,
): Promise<StatementProgress> {
  switch (target?.kind) {
    case 'index':
      if (target.action === 'reindex')
        return since ? completedIf(await isRebuilt(run, target, since)) : NOT_COMPLETED;
      return readIndexOutcome(run, target);
    case 'partition':
      return readPartitionOutcome(run, target);
    case 'subscription':
      return completedIf(await isSubscribed(run.db, target));
    case 'maintenance':
      return completedIf(since !== null && (await isVacuumed(run, target.vacuumed, since)));
    default:
      return NOT_COMPLETED;
  }
}

async function readIndexOutcome(
  run: Run,
  target: Extract<StatementTarget, { kind: 'index' }>,
): Promise<StatementProgress> {
  const found = await readIndex(run.db, target, run.names.ownerRole);
  if (target.action === 'drop') return completedIf(found === null);
  if (found === null) return NOT_COMPLETED;
  if (found.building) return { is: 'under way', message: `${found.name} is being built: ${found.building}` };
  // An index that differs in uniqueness is not this migration's. The statement then fails because the name is taken.
  return found.valid ? completedIf(found.unique === target.unique) : { is: 'invalid', name: found.name };
}

/**
 * `DETACH … CONCURRENTLY` has two transactions: the first marks the partition, and the second waits for older queries
 * and detaches it.
 */
async function readPartitionOutcome(
  run: Run,
  { table, partition }: Extract<StatementTarget, { kind: 'partition' }>,
): Promise<StatementProgress> {
  const [parent, child] = await resolveRelations(run.db, [table, partition], run.names.ownerRole);
  const rows = await run.db.query(
    `SELECT ${run.serverVersion >= 140000 ? 'h.inhdetachpending' : 'false'} AS pending
FROM pg_catalog.pg_inherits h
WHERE h.inhparent OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND h.inhrelid OPERATOR(pg_catalog.=) $2::pg_catalog.oid`,
    [parent ?? null, child ?? null],
  );
  if (!rows[0]) return COMPLETED;
  if (rows[0].pending !== true) return NOT_COMPLETED;
  return { is: 'half done', finish: `ALTER TABLE ${table} DETACH PARTITION ${partition} FINALIZE` };
}

/** Reads only columns of pg_subscription that every role may read. */
async function isSubscribed(
  db: Database,
  target: Extract<StatementTarget, { kind: 'subscription' }>,
): Promise<boolean> {
  const rows = await db.query<{ publications: string }>(
    `SELECT pg_catalog.to_json(s.subpublications)::pg_catalog.text AS publications FROM pg_catalog.pg_subscription s
WHERE s.subname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND s.subdbid OPERATOR(pg_catalog.=)
  (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())`,
    [target.name],
  );
  const there = rows[0] && new Set(JSON.parse(rows[0].publications) as string[]);
  if (!('publications' in target)) return (target.action === 'create') === (there !== undefined);
  if (there === undefined) return false;
  const { action, publications } = target;
  if (action === 'remove') return publications.every((name) => !there.has(name));
  return (
    publications.every((name) => there.has(name)) && (action === 'add' || there.size === publications.length)
  );
}

async function isVacuumed(run: Run, tables: readonly string[], since: StatementStart): Promise<boolean> {
  if (tables.length === 0) return false;
  const oids = await resolveRelations(run.db, tables, run.names.ownerRole);
  const rows = await run.db.query(
    `SELECT pg_catalog.bool_and(coalesce(pg_catalog.pg_stat_get_last_vacuum_time(oid)
  OPERATOR(pg_catalog.>=) $2::pg_catalog.text::pg_catalog.timestamptz, false)) AS done FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS t (oid)`,
    [oids.map((oid) => oid ?? '0'), since.at],
  );
  return rows[0]?.done === true;
}

/**
 * Removes an INVALID index that an unfinished statement created. A valid index, and one that is being built, stays.
 * Returns what a person should know about the rest, or `null`.
 */
export async function cleanUpUnfinished(run: Run, target: StartedTarget | null): Promise<string | null> {
  if (target?.kind === 'index' && target.action === 'reindex') {
    await dropReindexLeftovers(run, target, target.since);
  } else if (target?.kind === 'index' && target.action === 'create') {
    const index = await readIndex(run.db, target, run.names.ownerRole);
    if (index?.building) return `its index ${index.name} is still being built (${index.building})`;
    if (index && !index.valid)
      await dropInvalidIndex(run.db, target, run.serverVersion, run.deadline, run.names.ownerRole);
  } else if (target?.kind === 'partition') {
    const found = await readStatementOutcome(run, target, target.since ?? null);
    if (found.is === 'half done')
      return `${target.partition} is only partly detached from ${target.table}; \`${found.finish}\` completes it`;
  }
  return null;
}

/** Whether the statement is still the one that was begun; its file may have been edited since. */
export const isSameTarget = (begun: StartedTarget | null, target: StatementTarget | null): boolean => {
  if (begun === null || target === null) return begun === target;
  const { since: _, ...rest } = begun;
  return toCanonicalJson(rest) === toCanonicalJson(target);
};

/** Sorts the fields, since jsonb does not keep their order. */
const toCanonicalJson = (value: object): string =>
  JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
