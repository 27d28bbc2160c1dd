/** Settings of transactions, since there is no session to keep them. */
import { quoteLiteral } from '../../sql/quote';
import type { DataApiCalls } from './calls';
import { parseRows } from './values';

/** Settings that every transaction relies on. A role or a database may have other defaults. */
const REQUIRED_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'ISO',
  TimeZone: 'UTC',
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '0',
  standard_conforming_strings: 'on',
  statement_timeout: '0',
  // Added in PostgreSQL 17.
  transaction_timeout: '0',
};

/** Returns the statements that begin each transaction, or none if the defaults already match. */
export async function buildTransactionPrelude(calls: DataApiCalls): Promise<string[]> {
  const names = [...Object.keys(REQUIRED_SETTINGS), 'default_transaction_isolation']
    .map(quoteLiteral)
    .join(', ');
  const answer = await calls.execute({
    sql: `SELECT name, setting FROM pg_catalog.pg_settings
WHERE name OPERATOR(pg_catalog.=) ANY (ARRAY[${names}]::pg_catalog.text[])`,
  });
  const found = Object.fromEntries(parseRows(answer).map(({ name, setting }) => [name, String(setting)]));
  const wrong = Object.entries(REQUIRED_SETTINGS).filter(
    ([name, value]) => found[name] !== undefined && !found[name].startsWith(value),
  );
  return [
    ...(found.default_transaction_isolation === 'read committed'
      ? []
      : ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED']),
    ...buildSetLocalSql(Object.fromEntries(wrong)),
  ];
}

/** Sets all settings with one call. */
export function buildSetLocalSql(settings: Readonly<Record<string, string>>): string[] {
  const calls = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
  );
  return calls.length > 0 ? [`SELECT ${calls.join(', ')}`] : [];
}
