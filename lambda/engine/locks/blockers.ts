/** Finds the sessions that block a lock. Reports their pid, age and lock, and never their query. */

import { LOCK_MODES, type LockMode } from '../../contract/locks';
import type { Database, Row } from '../../postgres/database';
import { quoteLiteral } from '../../sql/quote';
import { resolveRelations } from '../apply/resolve-names';

/** Conflicting modes, from the table in https://www.postgresql.org/docs/current/explicit-locking.html. */
const CONFLICTING_MODES: Readonly<Record<LockMode, readonly LockMode[]>> = {
  'ACCESS SHARE': LOCK_MODES.slice(7),
  'ROW SHARE': LOCK_MODES.slice(6),
  'ROW EXCLUSIVE': LOCK_MODES.slice(4),
  'SHARE UPDATE EXCLUSIVE': LOCK_MODES.slice(3),
  // SHARE is the only one of the strong modes that does not conflict with itself.
  SHARE: LOCK_MODES.slice(2).filter((mode) => mode !== 'SHARE'),
  'SHARE ROW EXCLUSIVE': LOCK_MODES.slice(2),
  EXCLUSIVE: LOCK_MODES.slice(1),
  'ACCESS EXCLUSIVE': LOCK_MODES,
};

/** Converts a mode to the spelling of pg_locks, e.g. `AccessExclusiveLock`. */
const toStoredLockMode = (mode: LockMode): string =>
  `${mode
    .split(' ')
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join('')}Lock`;

/**
 * Finds the holders of conflicting locks. Locking a table also locks the tables that inherit from it. A prepared
 * transaction holds its locks without a session.
 */
const LOCK_HOLDERS_SQL = `WITH RECURSIVE wanted (oid, mode) AS (
  SELECT coalesce(i.indrelid, w.oid), w.mode
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[])) AS w (oid, mode)
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) w.oid
  UNION
  SELECT h.inhrelid, w.mode FROM wanted w JOIN pg_catalog.pg_inherits h ON h.inhparent OPERATOR(pg_catalog.=) w.oid)
SELECT l.pid, coalesce(a.usename, x.owner)::pg_catalog.text AS usename, a.state, x.gid, l.mode,
  -- A role without pg_monitor sees only that no user owns the session.
  coalesce(a.backend_type OPERATOR(pg_catalog.=) 'autovacuum worker', a.pid IS NOT NULL AND a.usesysid IS NULL) AS autovacuum,
  coalesce(a.query OPERATOR(pg_catalog.~) 'to prevent wraparound', false) AS wraparound,
  (SELECT setting::int FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'deadlock_timeout') AS deadlock_ms,
  pg_catalog.min(l.relation::pg_catalog.regclass::pg_catalog.text) AS relation, pg_catalog.count(DISTINCT l.relation)::int AS relations,
  extract(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) coalesce(a.xact_start, x.prepared))::int AS seconds
FROM wanted w
JOIN pg_catalog.pg_locks l ON l.relation OPERATOR(pg_catalog.=) w.oid AND l.mode OPERATOR(pg_catalog.=) w.mode
  AND l.granted AND l.database OPERATOR(pg_catalog.=)
    (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
LEFT JOIN pg_catalog.pg_locks own ON l.pid IS NULL AND own.pid IS NULL
  AND own.virtualtransaction OPERATOR(pg_catalog.=) l.virtualtransaction
  AND own.locktype OPERATOR(pg_catalog.=) 'transactionid'
LEFT JOIN pg_catalog.pg_prepared_xacts x ON x.transaction OPERATOR(pg_catalog.=) own.transactionid
WHERE coalesce(l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid(), true)
GROUP BY l.pid, a.pid, a.usename, a.usesysid, a.backend_type, a.query, x.owner, a.state, x.gid, l.mode, a.xact_start, x.prepared
ORDER BY seconds DESC NULLS LAST LIMIT 5`;

export interface Blocker {
  /** A description for people. */
  readonly words: string;
  /**
   * `cleans` means that PostgreSQL cancels this autovacuum once a session has waited for it longer than
   * deadlock_timeout. One with `wraparound` is never cancelled.
   */
  readonly autovacuum: 'cleans' | 'wraparound' | null;
  /** The server's deadlock_timeout. */
  readonly deadlockMs: number;
}

/** Returns the blocking sessions, the oldest transaction first; empty if there are none any more. */
export async function findBlockers(
  db: Database,
  wanted: readonly { readonly relation: string; readonly mode: LockMode }[],
  ownerRole: string | null = null,
): Promise<Blocker[]> {
  if (wanted.length === 0) return [];
  const oids = await resolveRelations(
    db,
    wanted.map(({ relation }) => relation),
    ownerRole,
  );
  const pairs = wanted.flatMap(({ mode }, i) =>
    oids[i] ? CONFLICTING_MODES[mode].map((held) => [oids[i]!, toStoredLockMode(held)] as const) : [],
  );
  if (pairs.length === 0) return [];
  const rows = await db.query(LOCK_HOLDERS_SQL, [pairs.map(([oid]) => oid), pairs.map(([, mode]) => mode)]);
  return rows.map((row) => ({
    words: describeBlocker(row),
    autovacuum: row.autovacuum !== true ? null : row.wraparound === true ? 'wraparound' : 'cleans',
    deadlockMs: Number(row.deadlock_ms),
  }));
}

function describeBlocker({
  pid,
  usename,
  state,
  gid,
  mode,
  relation,
  relations,
  seconds,
  ...row
}: Row): string {
  const others = Number(relations) > 1 ? ` and ${Number(relations) - 1} more` : '';
  const holds = `holds ${mode} on ${relation}${others}`;
  if (pid === null)
    return `the prepared transaction ${quoteLiteral(String(gid ?? '?'))} (user ${usename ?? '?'}, prepared ${seconds ?? '?'} s ago) ${holds}; COMMIT PREPARED or ROLLBACK PREPARED ends it`;
  if (row.autovacuum === true)
    return `pid ${pid} (autovacuum${row.wraparound === true ? ' to prevent wraparound' : ''}, for ${seconds ?? '?'} s) ${holds}`;
  return `pid ${pid} (user ${usename ?? '?'}, ${state ?? 'unknown state'}, transaction open for ${seconds ?? '?'} s) ${holds}`;
}

/**
 * Finds transactions that have changed or locked rows of these tables, one of which may hold the row that is waited
 * for. PostgreSQL shows the holder of a row only while another session waits for it. Only a transaction with an
 * assigned transaction id can hold rows.
 */
const ROW_HOLDERS_SQL = `SELECT l.pid, a.usename::pg_catalog.text AS usename, a.state, l.mode, pg_catalog.min(l.relation::pg_catalog.regclass::pg_catalog.text) AS relation,
  1 AS relations, extract(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.xact_start)::int AS seconds
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_locks own ON own.virtualtransaction OPERATOR(pg_catalog.=) l.virtualtransaction
  AND own.locktype OPERATOR(pg_catalog.=) 'transactionid' AND own.granted
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
WHERE l.relation OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) AND l.granted
  AND l.mode OPERATOR(pg_catalog.=) ANY ('{RowShareLock,RowExclusiveLock}'::pg_catalog.text[])
  AND l.database OPERATOR(pg_catalog.=)
    (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
  AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
GROUP BY l.pid, a.usename, a.state, l.mode, a.xact_start
ORDER BY seconds DESC NULLS LAST LIMIT 5`;

/** Returns the sessions that may hold the row that was waited for. */
export async function findRowHolders(
  db: Database,
  tables: readonly string[],
  ownerRole: string | null = null,
): Promise<Blocker[]> {
  if (tables.length === 0) return [];
  const oids = (await resolveRelations(db, tables, ownerRole)).filter((oid) => oid !== null);
  if (oids.length === 0) return [];
  const rows = await db.query(ROW_HOLDERS_SQL, [oids]);
  return rows.map((row) => ({
    words: `${describeBlocker(row)}, and may hold the row`,
    autovacuum: null,
    deadlockMs: 0,
  }));
}
