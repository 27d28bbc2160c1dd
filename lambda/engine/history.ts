/** Whether files that were applied elsewhere before Trueup was adopted may be run here, when they are not recorded but run. */

import type { ErrorInfo } from '../contract/errors';
import { ANY_RELATION } from '../contract/locks';
import type { Database } from '../postgres/database';
import { quoteTextArray } from '../sql/quote';
import type { Ledger } from './ledger/ledger';
import { historyRefused, rowsChangedBy } from './plan/history';
import type { Step } from './plan/plan';
import { SERVICE_SCHEMAS, TELLING_SCHEMAS } from './services';

export async function askHistory(
  db: Database,
  ledger: Ledger,
  steps: readonly Step[],
  baselined: boolean,
  schemas: readonly string[] | null = ledger.schemas ?? null,
): Promise<ErrorInfo | null> {
  if (!steps.some(({ type, migration }) => type !== 'verify' && migration.history)) return null;
  const began = ledger.migrations.length > 0;
  const changed = began ? [] : changedBy(steps);
  // A first run that has not come to its end goes on with a database that it found empty.
  const unfinished = began && ledger.completed !== true;
  return historyRefused(steps, {
    existedBefore: baselined || ledger.migrations.some((row) => row.baselined),
    began,
    holdsTables: !unfinished && (await holdsTables(db, schemas)),
    there: changed.length === 0 ? new Set() : new Set(await thereAlready(db, changed, schemas)),
  });
}

/** Relations whose rows are changed, and that the file itself does not make. */
const changedBy = (steps: readonly Step[]): string[] => [
  ...new Set(
    steps
      .filter(({ migration }) => migration.history)
      .flatMap(({ migration }) => rowsChangedBy(migration))
      .filter((relation) => relation !== ANY_RELATION),
  ),
];

/** A new database of a hosted service has tables already. */
const OF_SERVICES = `(n.nspname OPERATOR(pg_catalog.=) ANY (${quoteTextArray(SERVICE_SCHEMAS)}::pg_catalog.name[])
    AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace s
      WHERE s.nspname OPERATOR(pg_catalog.=) ANY (${quoteTextArray(TELLING_SCHEMAS)}::pg_catalog.name[]))
      OPERATOR(pg_catalog.=) ${TELLING_SCHEMAS.length}::pg_catalog.int8)`;

/**
 * A name without a schema may be in any, or in those of the tenant: what the path is when the file runs is the file's matter. A service's table that never
 * had a row has none that could have been changed.
 */
const THERE = (relations: readonly string[]): string => `SELECT r.name
FROM pg_catalog.unnest(${quoteTextArray(relations)}::pg_catalog.text[]) AS r (name)
CROSS JOIN LATERAL pg_catalog.parse_ident(r.name) AS p (words)
WHERE EXISTS (SELECT FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}'::pg_catalog."char"[])
    AND c.relname OPERATOR(pg_catalog.=) p.words[pg_catalog.cardinality(p.words)]::pg_catalog.name
    AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,trueup}'::pg_catalog.name[])
    AND n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp_)'
    AND NOT (${OF_SERVICES} AND c.relkind OPERATOR(pg_catalog.=) 'r'::pg_catalog."char"
      AND pg_catalog.pg_relation_size(c.oid) OPERATOR(pg_catalog.=) 0::pg_catalog.int8)
    AND (pg_catalog.cardinality(p.words) OPERATOR(pg_catalog.=) 1
        AND n.nspname OPERATOR(pg_catalog.=) ANY (coalesce($1::pg_catalog.name[], ARRAY[n.nspname]))
      OR n.nspname OPERATOR(pg_catalog.=) p.words[1]::pg_catalog.name))`;

const thereAlready = async (
  db: Database,
  relations: readonly string[],
  schemas: readonly string[] | null,
): Promise<string[]> =>
  (await db.query<{ name: string }>(THERE(relations), [schemas])).map(({ name }) => name);

/** Of anybody, or in the tenant's own schema: neither the server's own, nor an extension's, nor a service's, nor ours. */
const HOLDS_TABLES = `SELECT EXISTS (
  SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,m}'::pg_catalog."char"[])
    AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,trueup}'::pg_catalog.name[])
    AND n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp_)'
    AND NOT ${OF_SERVICES}
    AND n.nspname OPERATOR(pg_catalog.=) coalesce($1::pg_catalog.name, n.nspname)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')) AS held`;

const holdsTables = async (db: Database, schemas: readonly string[] | null): Promise<boolean> =>
  (await db.query<{ held: boolean }>(HOLDS_TABLES, [schemas?.[0] ?? null]))[0]?.held === true;
