/** How many connections a server would still give to anybody. */
import type { Database } from './database';

/** Each has a number of its own, which only some get: superusers, members of pg_use_reserved_connections (16 on), RDS. */
const RESERVED = [
  'superuser_reserved_connections',
  'reserved_connections',
  'rds.rds_superuser_reserved_connections',
];

/** '' is a setting that nobody knows but somebody has asked for. No NULLIF: it takes the operator that the path has. */
const reserved = (name: string): string => {
  const value = `pg_catalog.current_setting('${name}', true)`;
  return `CASE WHEN ${value} OPERATOR(pg_catalog.~) '^[0-9]+$'::pg_catalog.text THEN ${value}::pg_catalog.int4 ELSE 0 END`;
};

/** A role without pg_monitor sees the sessions of others too, but not of what kind they are. */
const FREE = `SELECT pg_catalog.current_setting('max_connections')::pg_catalog.int4
${RESERVED.map((name) => `  OPERATOR(pg_catalog.-) ${reserved(name)}`).join('\n')}
  OPERATOR(pg_catalog.-) (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM pg_catalog.pg_stat_activity
    WHERE coalesce(backend_type, 'client backend') OPERATOR(pg_catalog.=) 'client backend'::pg_catalog.text) AS free`;

export async function freeConnections(db: Database): Promise<number> {
  const [row] = await db.query<{ free: number }>(FREE);
  return Math.max(0, Number(row!.free));
}
