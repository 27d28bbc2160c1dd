/**
 * Decides whether files that another tool applied before Trueup was adopted may be run here instead of only recorded.
 */

import type { ErrorInfo } from '../contract/errors';
import { ANY_RELATION } from '../contract/locks';
import type { Database } from '../postgres/database';
import { quoteTextArray } from '../sql/quote';
import type { Ledger } from './ledger/ledger';
import { findHistoryError, listTablesWithRowChanges } from './plan/history';
import type { PlanStep } from './plan/plan';
import { SERVICE_SCHEMAS, SUPABASE_MARKER_SCHEMAS } from './services';

export async function checkHistory(
  db: Database,
  ledger: Ledger,
  steps: readonly PlanStep[],
  baselined: boolean,
  schemas: readonly string[] | null = ledger.schemas ?? null,
): Promise<ErrorInfo | null> {
  if (!steps.some(({ type, migration }) => type !== 'verify' && migration.history)) return null;
  const began = ledger.migrations.length > 0;
  const changed = began ? [] : listChangedRelations(steps);
  // A first run that was interrupted continues with a database that it found empty.
  const unfinished = began && ledger.completed !== true;
  return findHistoryError(steps, {
    existedBefore: baselined || ledger.migrations.some((row) => row.baselined),
    began,
    holdsTables: !unfinished && (await hasTables(db, schemas)),
    there: changed.length === 0 ? new Set() : new Set(await listExistingRelations(db, changed, schemas)),
  });
}

/** Returns the relations whose rows the files change, except those that a file itself creates. */
const listChangedRelations = (steps: readonly PlanStep[]): string[] => [
  ...new Set(
    steps
      .filter(({ migration }) => migration.history)
      .flatMap(({ migration }) => listTablesWithRowChanges(migration))
      .filter((relation) => relation !== ANY_RELATION),
  ),
];

/** Whether a schema belongs to a hosted service; a new database of that service already has tables in it. */
const IS_SERVICE_SCHEMA_SQL = `(n.nspname OPERATOR(pg_catalog.=) ANY (${quoteTextArray(SERVICE_SCHEMAS)}::pg_catalog.name[])
    AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace s
      WHERE s.nspname OPERATOR(pg_catalog.=) ANY (${quoteTextArray(SUPABASE_MARKER_SCHEMAS)}::pg_catalog.name[]))
      OPERATOR(pg_catalog.=) ${SUPABASE_MARKER_SCHEMAS.length}::pg_catalog.int8)`;

/**
 * Finds which of the relations already exist. An unqualified name matches any schema, or the tenant's schemas,
 * because a file may set its own search path. A service's table that has never had rows is ignored, since no rows in
 * it can have been changed.
 */
const buildExistingRelationsSql = (relations: readonly string[]): string => `SELECT r.name
FROM pg_catalog.unnest(${quoteTextArray(relations)}::pg_catalog.text[]) AS r (name)
CROSS JOIN LATERAL pg_catalog.parse_ident(r.name) AS p (words)
WHERE EXISTS (SELECT FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}'::pg_catalog."char"[])
    AND c.relname OPERATOR(pg_catalog.=) p.words[pg_catalog.cardinality(p.words)]::pg_catalog.name
    AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,trueup}'::pg_catalog.name[])
    AND n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp_)'
    AND NOT (${IS_SERVICE_SCHEMA_SQL} AND c.relkind OPERATOR(pg_catalog.=) 'r'::pg_catalog."char"
      AND pg_catalog.pg_relation_size(c.oid) OPERATOR(pg_catalog.=) 0::pg_catalog.int8)
    AND (pg_catalog.cardinality(p.words) OPERATOR(pg_catalog.=) 1
        AND n.nspname OPERATOR(pg_catalog.=) ANY (coalesce($1::pg_catalog.name[], ARRAY[n.nspname]))
      OR n.nspname OPERATOR(pg_catalog.=) p.words[1]::pg_catalog.name))`;

const listExistingRelations = async (
  db: Database,
  relations: readonly string[],
  schemas: readonly string[] | null,
): Promise<string[]> =>
  (await db.query<{ name: string }>(buildExistingRelationsSql(relations), [schemas])).map(({ name }) => name);

/**
 * Whether the database, or the tenant's own schema, has tables other than those of the server, of an extension, of a
 * hosted service and of Trueup.
 */
const HOLDS_TABLES_SQL = `SELECT EXISTS (
  SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,m}'::pg_catalog."char"[])
    AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,trueup}'::pg_catalog.name[])
    AND n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp_)'
    AND NOT ${IS_SERVICE_SCHEMA_SQL}
    AND n.nspname OPERATOR(pg_catalog.=) coalesce($1::pg_catalog.name, n.nspname)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')) AS held`;

const hasTables = async (db: Database, schemas: readonly string[] | null): Promise<boolean> =>
  (await db.query<{ held: boolean }>(HOLDS_TABLES_SQL, [schemas?.[0] ?? null]))[0]?.held === true;
