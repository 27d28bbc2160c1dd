/** Who holds the lock between runners, read from the catalogue: the same for both transports. */
import type { LockedBy, Row } from './database';
import { quoteLiteral } from './quote';

const SELECT = `SELECT a.pid, a.application_name, coalesce(a.state, '') AS state, a.backend_start::text AS backend_start,
  (extract(epoch FROM clock_timestamp() - a.state_change) * 1000)::int8::text AS state_age_ms,
  left(a.query, 200) AS query, p.phase,
  CASE WHEN p.blocks_total > 0 THEN (100 * p.blocks_done / p.blocks_total)::text
       WHEN p.tuples_total > 0 THEN (100 * p.tuples_done / p.tuples_total)::text END AS percent`;

const PROGRESS = 'LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.pid = a.pid';

/** A bigint advisory lock is in pg_locks as two halves with objsubid 1 (view pg_locks in PostgreSQL's documentation). */
export function lockHolderQuery(key: bigint): string {
  const unsigned = BigInt.asUintN(64, key);
  return `${SELECT}
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
${PROGRESS}
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.classid = ${unsigned >> 32n} AND l.objid = ${unsigned & 0xffffffffn}
LIMIT 1`;
}

/** The backend at work on a statement that begins with this mark. */
export const markedQuery = (mark: string): string => `${SELECT}
FROM pg_catalog.pg_stat_activity a
${PROGRESS}
WHERE a.datname = current_database() AND a.state <> 'idle' AND a.pid <> pg_catalog.pg_backend_pid()
  AND left(a.query, ${mark.length}) = ${quoteLiteral(mark)}
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
    progress: row.phase ? `${row.phase}${row.percent === null ? '' : `, ${row.percent} %`}` : null,
  };
}

/** The leading key words of a query: enough to know what it is, nothing of what it says. */
export function firstWords(query: string): string {
  const words = query.replace(/^(\s|--[^\n]*\n|\/\*.*?\*\/)+/s, '').match(/^[A-Z]+(\s+[A-Z]+)*\b/);
  return words ? words[0].split(/\s+/).slice(0, 4).join(' ') : '';
}
