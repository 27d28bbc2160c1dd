/** Settings of a transaction: there is no session that could keep them. */
import { quoteLiteral } from '../../sql/quote';
import type { DataApiCalls } from './calls';
import { rowsOf } from './values';

/** What every transaction relies on; a role or a database may have other defaults. */
const RELIED_ON: Readonly<Record<string, string>> = {
  DateStyle: 'ISO',
  TimeZone: 'UTC',
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '0',
  standard_conforming_strings: 'on',
  statement_timeout: '0',
  // Since PostgreSQL 17.
  transaction_timeout: '0',
};

/** Statements that each transaction begins with; none where the defaults are as we need them. */
export async function preludeOf(calls: DataApiCalls): Promise<string[]> {
  const names = [...Object.keys(RELIED_ON), 'default_transaction_isolation'].map(quoteLiteral).join(', ');
  const answer = await calls.execute({
    sql: `SELECT name, setting FROM pg_catalog.pg_settings
WHERE name OPERATOR(pg_catalog.=) ANY (ARRAY[${names}]::pg_catalog.text[])`,
  });
  const found = Object.fromEntries(rowsOf(answer).map(({ name, setting }) => [name, String(setting)]));
  const wrong = Object.entries(RELIED_ON).filter(
    ([name, value]) => found[name] !== undefined && !found[name].startsWith(value),
  );
  return [
    ...(found.default_transaction_isolation === 'read committed'
      ? []
      : ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED']),
    ...setLocal(Object.fromEntries(wrong)),
  ];
}

/** One call for all of them. */
export function setLocal(settings: Readonly<Record<string, string>>): string[] {
  const calls = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
  );
  return calls.length > 0 ? [`SELECT ${calls.join(', ')}`] : [];
}
