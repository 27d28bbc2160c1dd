/** Who stands in the way of a lock: pid, age and lock, never their query. */
import type { Database } from '../postgres/database';
import { quoteLiteral } from '../postgres/quote';
import { LOCK_MODES, type LockMode } from './manifest';
import { relationsNamed } from './names';

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

/** A lock on a table is taken on what inherits from it too. A prepared transaction holds its locks without a session. */
const HOLDERS = `WITH RECURSIVE wanted (oid, mode) AS (
  SELECT coalesce(i.indrelid, w.oid), w.mode
  FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::text[])) AS w (oid, mode)
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) w.oid
  UNION
  SELECT h.inhrelid, w.mode FROM wanted w JOIN pg_catalog.pg_inherits h ON h.inhparent OPERATOR(pg_catalog.=) w.oid)
SELECT l.pid, coalesce(a.usename, x.owner)::text AS usename, a.state, x.gid, l.mode,
  pg_catalog.min(l.relation::regclass::text) AS relation, pg_catalog.count(DISTINCT l.relation)::int AS relations,
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
GROUP BY l.pid, a.usename, x.owner, a.state, x.gid, l.mode, a.xact_start, x.prepared
ORDER BY seconds DESC NULLS LAST LIMIT 5`;

/** Sentences, oldest transaction first; empty when nobody is in the way any more. */
export async function findBlockers(
  db: Database,
  wanted: readonly { readonly relation: string; readonly mode: LockMode }[],
  ownerRole: string | null = null,
): Promise<string[]> {
  if (wanted.length === 0) return [];
  const oids = await relationsNamed(
    db,
    wanted.map(({ relation }) => relation),
    ownerRole,
  );
  const pairs = wanted.flatMap(({ mode }, i) =>
    oids[i] ? CONFLICTS[mode].map((held) => [oids[i]!, asStored(held)] as const) : [],
  );
  if (pairs.length === 0) return [];
  const rows = await db.query(HOLDERS, [pairs.map(([oid]) => oid), pairs.map(([, mode]) => mode)]);
  return rows.map(({ pid, usename, state, gid, mode, relation, relations, seconds }) => {
    const others = Number(relations) > 1 ? ` and ${Number(relations) - 1} more` : '';
    const holds = `holds ${mode} on ${relation}${others}`;
    return pid === null
      ? `the prepared transaction ${quoteLiteral(String(gid ?? '?'))} (user ${usename ?? '?'}, prepared ${seconds ?? '?'} s ago) ${holds}; COMMIT PREPARED or ROLLBACK PREPARED ends it`
      : `pid ${pid} (user ${usename ?? '?'}, ${state ?? 'unknown state'}, transaction open for ${seconds ?? '?'} s) ${holds}`;
  });
}
