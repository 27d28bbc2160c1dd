/** Who holds the lock between runners, read from the catalogue: the same for both transports. */

import { quoteLiteral } from '../sql/quote';
import type { LockedBy, Row } from './database';

/*
 * Named by their schema, as all SQL of ours: a function or operator that somebody put on the role's search_path and that
 * fits better would be called with this role's rights.
 */
const SELECT = `SELECT a.pid, a.application_name, coalesce(a.state, '') AS state, a.backend_start::pg_catalog.text AS backend_start,
  (extract(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.state_change)
    OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8::pg_catalog.text AS state_age_ms,
  pg_catalog.left(a.query, 200) AS query, p.phase, p.blocks_done::pg_catalog.text AS blocks_done,
  p.blocks_total::pg_catalog.text AS blocks_total, p.tuples_done::pg_catalog.text AS tuples_done, p.tuples_total::pg_catalog.text AS tuples_total`;

const PROGRESS = 'LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.pid OPERATOR(pg_catalog.=) a.pid';

/** A bigint advisory lock is in pg_locks as two halves with objsubid 1 (view pg_locks in PostgreSQL's documentation). */
function isKey(key: bigint, of = 'l'): string {
  const unsigned = BigInt.asUintN(64, key);
  return `${of}.classid OPERATOR(pg_catalog.=) '${unsigned >> 32n}'::pg_catalog.oid
    AND ${of}.objid OPERATOR(pg_catalog.=) '${unsigned & 0xffffffffn}'::pg_catalog.oid`;
}

/** @param shared of this one only who holds it alone */
export function lockHolderQuery(key: bigint, shared?: bigint): string {
  const alone =
    shared === undefined ? '' : ` OR ${isKey(shared)} AND l.mode OPERATOR(pg_catalog.=) 'ExclusiveLock'`;
  return `${SELECT}
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
${PROGRESS}
WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted AND l.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2
  AND l.database OPERATOR(pg_catalog.=) (SELECT oid FROM pg_catalog.pg_database
    WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
  AND (${isKey(key)}${alone})
ORDER BY pg_catalog.starts_with(a.state, 'idle') DESC NULLS LAST, a.state_change
LIMIT 1`;
}

/** Who holds this advisory lock in any database of the server, alone or with others; and which other ones they hold. */
export const advisoryLocksBeside = (key: bigint): string => `SELECT d.datname::pg_catalog.text AS database,
  coalesce(a.application_name, '') AS application_name,
  ARRAY(SELECT (o.classid::pg_catalog.int8::pg_catalog.numeric OPERATOR(pg_catalog.*) 4294967296::pg_catalog.numeric
      OPERATOR(pg_catalog.+) o.objid::pg_catalog.int8::pg_catalog.numeric)::pg_catalog.text
    FROM pg_catalog.pg_locks o WHERE o.pid OPERATOR(pg_catalog.=) l.pid AND o.granted
      AND o.locktype OPERATOR(pg_catalog.=) 'advisory' AND o.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2
      AND NOT (${isKey(key, 'o')})) AS keys
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted AND l.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2
  AND (${isKey(key)})
ORDER BY 1, l.pid`;

/** The backend at work on a statement of one of these forms, as LIKE has them. */
export const markedQuery = (...forms: readonly string[]): string => `${SELECT}
FROM pg_catalog.pg_stat_activity a
${PROGRESS}
WHERE a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND a.state OPERATOR(pg_catalog.<>) 'idle'
  AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
  AND (${forms.map((form) => `a.query OPERATOR(pg_catalog.~~) ${quoteLiteral(form)}`).join(' OR ')})
LIMIT 1`;

export function lockedBy(rows: readonly Row[]): LockedBy | null {
  const row = rows[0] as Record<string, string | number | null> | undefined;
  if (!row) return null;
  return {
    pid: Number(row.pid),
    applicationName: String(row.application_name ?? ''),
    state: String(row.state),
    stateAgeMs: Number(row.state_age_ms ?? 0),
    backendStart: String(row.backend_start),
    command: firstWords(String(row.query ?? '')),
    progress: buildProgress(row),
  };
}

/** A row of pg_stat_progress_create_index in words; null where no build goes on. */
export function buildProgress(row: Row): string | null {
  if (!row.phase) return null;
  const percent =
    percentOf(row.blocks_done, row.blocks_total) ?? percentOf(row.tuples_done, row.tuples_total);
  return percent === null ? String(row.phase) : `${row.phase}, ${percent} %`;
}

const percentOf = (done: unknown, total: unknown): number | null =>
  Number(total) > 0 ? Math.floor((100 * Number(done)) / Number(total)) : null;

/** The leading key words of a query: enough to know what it is, nothing of what it says. */
export function firstWords(query: string): string {
  const words = query.replace(/^(\s|--[^\n]*\n|\/\*.*?\*\/)+/s, '').match(/^[A-Z]+(\s+[A-Z]+)*\b/);
  return words ? words[0].split(/\s+/).slice(0, 4).join(' ') : '';
}
