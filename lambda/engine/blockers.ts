/** Who stands in the way of a lock: pid, age and lock, never their query. */
import type { Database } from '../postgres/database';
import { LOCK_MODES, type LockMode } from './manifest';

/** Modes that conflict, by the table in https://www.postgresql.org/docs/current/explicit-locking.html. */
const CONFLICTS: Readonly<Record<LockMode, readonly LockMode[]>> = {
  'ACCESS SHARE': LOCK_MODES.slice(7),
  'ROW SHARE': LOCK_MODES.slice(6),
  'ROW EXCLUSIVE': LOCK_MODES.slice(4),
  'SHARE UPDATE EXCLUSIVE': LOCK_MODES.slice(3),
  // The one strong mode that does not conflict with itself.
  SHARE: LOCK_MODES.slice(2).filter((mode) => mode !== 'SHARE'),
  'SHARE ROW EXCLUSIVE': LOCK_MODES.slice(2),
  EXCLUSIVE: LOCK_MODES.slice(1),
  'ACCESS EXCLUSIVE': LOCK_MODES,
};

/** pg_locks spells `AccessExclusiveLock`. */
const asStored = (mode: LockMode): string =>
  `${mode
    .split(' ')
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join('')}Lock`;

/** Sentences, oldest transaction first; empty when nobody is in the way any more. */
export async function findBlockers(
  db: Database,
  wanted: readonly { readonly relation: string; readonly mode: LockMode }[],
): Promise<string[]> {
  if (wanted.length === 0) return [];
  const pairs = wanted.flatMap(({ relation, mode }) =>
    CONFLICTS[mode].map((held) => [relation, asStored(held)] as const),
  );
  const rows = await db.query(
    `WITH wanted AS (
  SELECT coalesce(i.indrelid, c.oid) AS oid, w.mode
  FROM (SELECT e->>0 AS relation, e->>1 AS mode FROM json_array_elements($1::json) e) w
  JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.relation)
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid)
SELECT DISTINCT a.pid, a.usename::text AS usename, coalesce(a.state, 'unknown state') AS state, l.mode,
  l.relation::regclass::text AS relation, extract(epoch FROM clock_timestamp() - a.xact_start)::int AS seconds
FROM wanted w
JOIN pg_catalog.pg_locks l ON l.relation = w.oid AND l.mode = w.mode AND l.granted
JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.pid <> pg_catalog.pg_backend_pid() ORDER BY seconds DESC NULLS LAST LIMIT 5`,
    [JSON.stringify(pairs)],
  );
  return rows.map(
    (row) =>
      `pid ${row.pid} (user ${row.usename}, ${row.state}, transaction open for ${row.seconds ?? '?'} s) holds ${row.mode} on ${row.relation}`,
  );
}
