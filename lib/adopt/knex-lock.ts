/** Knex's lock: a row beside its ledger, which a migration that is killed leaves behind. */
import { namesIn } from '../../lambda/audit/names';
import type { Database } from '../../lambda/postgres/database';
import { quoteIdentifier, quoteLiteral } from '../../lambda/sql/quote';

/** @param ledger quoted, with its schema */
export function lockTableOf(ledger: string): { readonly schema: string; readonly name: string } {
  const [schema = '', name = ''] = namesIn(ledger);
  return { schema, name: `${name}_lock` };
}

/** Also false where there is no such table, or the role may not read it. */
export async function isLocked(db: Database, ledger: string): Promise<boolean> {
  const { schema, name } = lockTableOf(ledger);
  const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  const [found] = await db.query<{ readable: boolean | null }>(
    `SELECT pg_catalog.has_table_privilege(pg_catalog.to_regclass(${quoteLiteral(table)})::pg_catalog.oid, 'SELECT') AS readable`,
  );
  if (found?.readable !== true) return false;
  const [row] = await db.query<{ locked: boolean }>(
    `SELECT coalesce(pg_catalog.bool_or(is_locked OPERATOR(pg_catalog.=) 1), false) AS locked FROM ${table}`,
  );
  return row?.locked === true;
}
