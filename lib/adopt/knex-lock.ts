/**
 * Reads Knex's migration lock. The lock is a row in a table next to the ledger, and it stays set if a migration is
 * killed.
 */
import { parseNames } from '../../lambda/audit/names';
import type { Database } from '../../lambda/postgres/database';
import { queryTrusted, UntrustedCode } from '../../lambda/postgres/untrusted-code';
import { quoteIdentifier, quoteLiteral } from '../../lambda/sql/quote';

/**
 * Returns the lock table that belongs to a ledger.
 * @param ledger schema-qualified and quoted name of the ledger
 */
export function getLockTable(ledger: string): { readonly schema: string; readonly name: string } {
  const [schema = '', name = ''] = parseNames(ledger);
  return { schema, name: `${name}_lock` };
}

/**
 * Returns whether the lock is set; `false` also if the lock table does not exist, the role may not read it, or to read
 * it may run code that is not trusted with the role's privileges.
 */
export async function isLocked(db: Database, ledger: string): Promise<boolean> {
  const { schema, name } = getLockTable(ledger);
  const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  const [found] = await db.query<{ readable: boolean | null }>(
    `SELECT pg_catalog.has_table_privilege(pg_catalog.to_regclass(${quoteLiteral(table)})::pg_catalog.oid, 'SELECT') AS readable`,
  );
  if (found?.readable !== true) return false;
  const sql = `SELECT coalesce(pg_catalog.bool_or(is_locked OPERATOR(pg_catalog.=) 1), false) AS locked FROM ${table}`;
  try {
    const [row] = await queryTrusted<{ locked: boolean }>(db, { sql, hold: sql, settings: {} });
    return row?.locked === true;
  } catch (error) {
    if (error instanceof UntrustedCode) return false;
    throw error;
  }
}
