/** Counts the connections that a server still has for ordinary roles. */
import type { Database } from './database';

/**
 * Settings with reserved connections, which only some roles get: superusers, members of pg_use_reserved_connections (16
 * on), and RDS itself.
 */
const RESERVED_SETTINGS = [
  'superuser_reserved_connections',
  'reserved_connections',
  'rds.rds_superuser_reserved_connections',
];

/**
 * Reads a setting as a number, or 0. A custom setting that was read or reset before is '' instead of NULL. NULLIF is
 * avoided, since it resolves its equality operator through the search path.
 */
const buildReservedSettingSql = (name: string): string => {
  const value = `pg_catalog.current_setting('${name}', true)`;
  return `CASE WHEN ${value} OPERATOR(pg_catalog.~) '^[0-9]+$'::pg_catalog.text THEN ${value}::pg_catalog.int4 ELSE 0 END`;
};

/**
 * Counts the free connections. A role without pg_monitor sees the sessions of other roles, but not their backend_type.
 */
const FREE_CONNECTIONS_SQL = `SELECT pg_catalog.current_setting('max_connections')::pg_catalog.int4
${RESERVED_SETTINGS.map((name) => `  OPERATOR(pg_catalog.-) ${buildReservedSettingSql(name)}`).join('\n')}
  OPERATOR(pg_catalog.-) (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM pg_catalog.pg_stat_activity
    WHERE coalesce(backend_type, 'client backend') OPERATOR(pg_catalog.=) 'client backend'::pg_catalog.text) AS free`;

export async function countFreeConnections(db: Database): Promise<number> {
  const [row] = await db.query<{ free: number }>(FREE_CONNECTIONS_SQL);
  return Math.max(0, Number(row!.free));
}
