/** What another session sees of a run: how often it applied what, and what its server is at. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect } from './database';

/** How often each migration was applied, by the ledger's events. */
export async function applications(url: string): Promise<Record<string, number>> {
  const client = await connect(url);
  const { rows } = await client.query(
    "SELECT migration, count(*)::int AS times FROM trueup.events WHERE event IN ('applied', 'unverified') GROUP BY 1",
  );
  return Object.fromEntries(rows.map((row) => [row.migration, row.times]));
}

/** Asks again until there is a row, and returns it. */
export async function untilRow<R = Record<string, unknown>>(
  client: Client,
  sql: string,
  patienceMs = 60_000,
): Promise<R> {
  for (const end = Date.now() + patienceMs; ; await sleep(10)) {
    const { rows } = await client.query(sql);
    if (rows[0]) return rows[0] as R;
    if (Date.now() > end) throw new Error(`no row in ${patienceMs} ms: ${sql}`);
  }
}

export interface Build {
  readonly pid: number;
  /** Its object id. */
  readonly index: number;
}

/** A build under way in this database, waiting in that phase. */
export const building = (phase: string): string =>
  `SELECT pid, index_relid AS index FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase = '${phase}'`;

/** Somebody in this database is in the middle of pg_sleep. */
export const SLEEPING =
  "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";

/** What CREATE INDEX CONCURRENTLY on `child` waits for, begun in a session of its own. */
export const HOLDS = {
  'waiting for writers before build': 'BEGIN; UPDATE child SET note = note WHERE id = 1',
  'waiting for old snapshots': 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM child',
} as const;

export type Phase = keyof typeof HOLDS;

/** A session that holds a build up in that phase until it says COMMIT. */
export async function holdUp(url: string, phase: Phase): Promise<Client> {
  const client = await connect(url);
  await client.query(HOLDS[phase]);
  return client;
}

export const INDEXES = `SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = 'child'::regclass AND NOT i.indisprimary ORDER BY 1`;
