/**
 * Reads from the catalogue how a statement outside a transaction ended whose answer was lost. Where
 * the server outlives the client it has recorded the end itself; this is for all else.
 */

import type { BegunTarget, Since, StatementTarget } from '../../contract/manifest';
import type { Database } from '../../postgres/database';
import type { Run } from '../run';
import { dropInvalid, readIndex } from './indexes';
import { dropReindexLeftovers, isRebuilt } from './reindex';
import { relationsNamed } from './resolve-names';

export type Found =
  /** The database is as the statement leaves it. */
  | { readonly is: 'done' }
  /** It is to be sent. */
  | { readonly is: 'open' }
  | { readonly is: 'under way'; readonly message: string }
  /** It ended between two of its own transactions; this statement brings it to its end. */
  | { readonly is: 'half done'; readonly finish: string }
  /** It left an INVALID index of this name. */
  | { readonly is: 'invalid'; readonly name: string };

const DONE: Found = { is: 'done' };
const OPEN: Found = { is: 'open' };
const doneIf = (done: boolean): Found => (done ? DONE : OPEN);

/** @param since when it was begun; null when it has not been, and then whatever is there was there before */
export async function readOutcome(
  run: Run,
  target: StatementTarget | null,
  since: Since | null,
): Promise<Found> {
  switch (target?.kind) {
    case 'index':
      if (target.action === 'reindex') return since ? doneIf(await isRebuilt(run, target, since)) : OPEN;
      return readIndexOutcome(run, target);
    case 'partition':
      return readPartitionOutcome(run, target);
    case 'subscription':
      return doneIf(await isSubscribed(run.db, target));
    case 'maintenance':
      return doneIf(since !== null && (await isVacuumed(run, target.vacuumed, since)));
    default:
      return OPEN;
  }
}

async function readIndexOutcome(
  run: Run,
  target: Extract<StatementTarget, { kind: 'index' }>,
): Promise<Found> {
  const found = await readIndex(run.db, target, run.names.ownerRole);
  if (target.action === 'drop') return doneIf(found === null);
  if (found === null) return OPEN;
  if (found.building) return { is: 'under way', message: `${found.name} is being built: ${found.building}` };
  // One of another kind is somebody else's: the statement itself then says that the name is taken.
  return found.valid ? doneIf(found.unique === target.unique) : { is: 'invalid', name: found.name };
}

/** `DETACH … CONCURRENTLY` commits twice: first it marks the partition, then it waits for older queries and detaches. */
async function readPartitionOutcome(
  run: Run,
  { table, partition }: Extract<StatementTarget, { kind: 'partition' }>,
): Promise<Found> {
  const [parent, child] = await relationsNamed(run.db, [table, partition], run.names.ownerRole);
  const rows = await run.db.query(
    `SELECT ${run.serverVersion >= 140000 ? 'h.inhdetachpending' : 'false'} AS pending
FROM pg_catalog.pg_inherits h
WHERE h.inhparent OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND h.inhrelid OPERATOR(pg_catalog.=) $2::pg_catalog.oid`,
    [parent ?? null, child ?? null],
  );
  if (!rows[0]) return DONE;
  if (rows[0].pending !== true) return OPEN;
  return { is: 'half done', finish: `ALTER TABLE ${table} DETACH PARTITION ${partition} FINALIZE` };
}

/** All of it can be read by everybody. */
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

async function isVacuumed(run: Run, tables: readonly string[], since: Since): Promise<boolean> {
  if (tables.length === 0) return false;
  const oids = await relationsNamed(run.db, tables, run.names.ownerRole);
  const rows = await run.db.query(
    `SELECT pg_catalog.bool_and(coalesce(pg_catalog.pg_stat_get_last_vacuum_time(oid)
  OPERATOR(pg_catalog.>=) $2::pg_catalog.text::pg_catalog.timestamptz, false)) AS done FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS t (oid)`,
    [oids.map((oid) => oid ?? '0'), since.at],
  );
  return rows[0]?.done === true;
}

/**
 * Removes what an unfinished statement left that serves nobody: an INVALID index that it made. A valid one, and one that
 * is being built, stays. Returns what a person should know of the rest, or null.
 */
export async function tidy(run: Run, target: BegunTarget | null): Promise<string | null> {
  if (target?.kind === 'index' && target.action === 'reindex') {
    await dropReindexLeftovers(run, target, target.since);
  } else if (target?.kind === 'index' && target.action === 'create') {
    const index = await readIndex(run.db, target, run.names.ownerRole);
    if (index?.building) return `its index ${index.name} is still being built (${index.building})`;
    if (index && !index.valid)
      await dropInvalid(run.db, target, run.serverVersion, run.deadline, run.names.ownerRole);
  } else if (target?.kind === 'partition') {
    const found = await readOutcome(run, target, target.since ?? null);
    if (found.is === 'half done')
      return `${target.partition} is detached from ${target.table} half way; \`${found.finish}\` completes it`;
  }
  return null;
}

/** The statement is still the one that was begun: its file may have been edited since. */
export const isSameTarget = (begun: BegunTarget | null, target: StatementTarget | null): boolean => {
  if (begun === null || target === null) return begun === target;
  const { since: _, ...rest } = begun;
  return canonical(rest) === canonical(target);
};

/** The server keeps the fields in an order of its own. */
const canonical = (value: object): string =>
  JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
