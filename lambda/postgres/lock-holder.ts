/** Finds the session that holds the runners' advisory lock in the catalog, in the same way for both transports. */

import { quoteLiteral } from '../sql/quote';
import type { LockHolder, Row } from './database';

/*
 * All our SQL is schema-qualified: a better-matching function or operator on the role's search_path would otherwise run
 * with this role's privileges.
 */
/*
 * Mirrors the rules of pg_terminate_backend: only a superuser may terminate a superuser's session. Any other session
 * may be terminated by a member of its role or of pg_signal_backend. No role may terminate other kinds of processes.
 */
const MAY_TERMINATE_SQL = `coalesce((SELECT CASE WHEN holder.rolsuper THEN own.rolsuper
    ELSE own.rolsuper OR pg_catalog.pg_has_role(own.oid, holder.oid, 'USAGE')
      OR pg_catalog.pg_has_role(own.oid, 'pg_signal_backend'::pg_catalog.name, 'USAGE') END
  FROM pg_catalog.pg_roles holder, pg_catalog.pg_roles own
  WHERE holder.oid OPERATOR(pg_catalog.=) a.usesysid AND own.rolname OPERATOR(pg_catalog.=) current_user), false)`;

const SELECT_HOLDER_SQL = `SELECT a.pid, coalesce(a.usename, '')::pg_catalog.text AS usename, ${MAY_TERMINATE_SQL} AS may_end, a.application_name, coalesce(a.state, '') AS state, a.backend_start::pg_catalog.text AS backend_start,
  (extract(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.state_change)
    OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8::pg_catalog.text AS state_age_ms,
  pg_catalog.left(a.query, 200) AS query, p.phase, p.blocks_done::pg_catalog.text AS blocks_done,
  p.blocks_total::pg_catalog.text AS blocks_total, p.tuples_done::pg_catalog.text AS tuples_done, p.tuples_total::pg_catalog.text AS tuples_total`;

const JOIN_PROGRESS_SQL =
  'LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.pid OPERATOR(pg_catalog.=) a.pid';

/**
 * Returns the condition for an advisory lock. A bigint key appears in pg_locks as two halves with objsubid 1 (view
 * pg_locks in PostgreSQL's documentation).
 */
function buildKeyConditionSql(key: bigint, of = 'l'): string {
  const unsigned = BigInt.asUintN(64, key);
  return `${of}.classid OPERATOR(pg_catalog.=) '${unsigned >> 32n}'::pg_catalog.oid
    AND ${of}.objid OPERATOR(pg_catalog.=) '${unsigned & 0xffffffffn}'::pg_catalog.oid`;
}

/**
 * Returns a query for the session that holds the lock. @param shared a second lock, of which only an exclusive holder
 * counts
 */
export function buildLockHolderSql(key: bigint, shared?: bigint): string {
  const alone =
    shared === undefined
      ? ''
      : ` OR ${buildKeyConditionSql(shared)} AND l.mode OPERATOR(pg_catalog.=) 'ExclusiveLock'`;
  return `${SELECT_HOLDER_SQL}
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
${JOIN_PROGRESS_SQL}
WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted AND l.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2
  AND l.database OPERATOR(pg_catalog.=) (SELECT oid FROM pg_catalog.pg_database
    WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
  AND (${buildKeyConditionSql(key)}${alone})
ORDER BY pg_catalog.starts_with(a.state, 'idle') DESC NULLS LAST, a.state_change
LIMIT 1`;
}

/**
 * Returns a query for the sessions that hold this advisory lock in any database of the server, exclusively or shared,
 * with the keys of their other advisory locks.
 */
export const buildOtherAdvisoryLocksSql = (
  key: bigint,
): string => `SELECT d.datname::pg_catalog.text AS database,
  coalesce(a.application_name, '') AS application_name,
  ARRAY(SELECT (o.classid::pg_catalog.int8::pg_catalog.numeric OPERATOR(pg_catalog.*) 4294967296::pg_catalog.numeric
      OPERATOR(pg_catalog.+) o.objid::pg_catalog.int8::pg_catalog.numeric)::pg_catalog.text
    FROM pg_catalog.pg_locks o WHERE o.pid OPERATOR(pg_catalog.=) l.pid AND o.granted
      AND o.locktype OPERATOR(pg_catalog.=) 'advisory' AND o.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2
      AND NOT (${buildKeyConditionSql(key, 'o')})) AS keys
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted AND l.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2
  AND (${buildKeyConditionSql(key)})
ORDER BY 1, l.pid`;

/** Returns a query for the backend that is running a statement of one of these forms, which are LIKE patterns. */
export const buildMarkedBackendSql = (...forms: readonly string[]): string => `${SELECT_HOLDER_SQL}
FROM pg_catalog.pg_stat_activity a
${JOIN_PROGRESS_SQL}
WHERE a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND a.state OPERATOR(pg_catalog.<>) 'idle'
  AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
  AND (${forms.map((form) => `a.query OPERATOR(pg_catalog.~~) ${quoteLiteral(form)}`).join(' OR ')})
LIMIT 1`;

export function parseLockHolder(rows: readonly Row[]): LockHolder | null {
  const row = rows[0] as Record<string, string | number | null> | undefined;
  if (!row) return null;
  return {
    pid: Number(row.pid),
    user: String(row.usename ?? ''),
    mayEnd: (row.may_end as unknown) === true,
    applicationName: String(row.application_name ?? ''),
    state: String(row.state),
    stateAgeMs: Number(row.state_age_ms ?? 0),
    backendStart: String(row.backend_start),
    command: extractCommand(String(row.query ?? '')),
    progress: formatIndexBuildProgress(row),
  };
}

/** Describes a row of pg_stat_progress_create_index. Returns null if no build is in progress. */
export function formatIndexBuildProgress(row: Row): string | null {
  if (!row.phase) return null;
  const percent =
    computePercent(row.blocks_done, row.blocks_total) ?? computePercent(row.tuples_done, row.tuples_total);
  return percent === null ? String(row.phase) : `${row.phase}, ${percent} %`;
}

const computePercent = (done: unknown, total: unknown): number | null =>
  Number(total) > 0 ? Math.floor((100 * Number(done)) / Number(total)) : null;

/** Returns the leading keywords of a query, which identify the command but reveal none of its content. */
function extractCommand(query: string): string {
  const words = query.replace(/^(\s|--[^\n]*\n|\/\*.*?\*\/)+/s, '').match(/^[A-Z]+(\s+[A-Z]+)*\b/);
  return words ? words[0].split(/\s+/).slice(0, 4).join(' ') : '';
}
