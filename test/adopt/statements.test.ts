/** What is left out of a file's text when it is taken over. */
import { beforeAll, describe, expect, test } from 'vitest';
import { localizeSettings, removeLedgerStatements, removeTransactions } from '../../lib/adopt/statements';
import { loadParser } from '../../lib/compiler/read/parser';

beforeAll(loadParser);

describe('BEGIN and COMMIT', () => {
  const rest = (sql: string) => removeTransactions('a.sql', sql);

  test('around all of it, around a part, in turns, and one alone', () => {
    expect(rest('BEGIN;\nSELECT 1;\nCOMMIT;\n')).toEqual({ sql: 'SELECT 1;', lines: [1, 3] });
    expect(rest('SELECT 1;\nSTART TRANSACTION;\nSELECT 2;\nEND;').sql).toBe('SELECT 1;\n\nSELECT 2;');
    expect(rest('BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;').sql.replace(/\s+/g, ' ')).toBe(
      'SELECT 1; SELECT 2;',
    );
    expect(rest('SELECT 1;\nCOMMIT;')).toEqual({ sql: 'SELECT 1;', lines: [2] });
  });

  test('those of a function, of a string and of a comment stay', () => {
    const sql =
      "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN END; $$;\nSELECT 'COMMIT;'; -- BEGIN;";
    expect(rest(sql)).toEqual({ sql, lines: [] });
  });

  test.each([
    'BEGIN; SELECT 1; ROLLBACK;',
    'BEGIN; SAVEPOINT a; SELECT 1; COMMIT;',
    'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;',
    'BEGIN; SELECT 1; COMMIT AND CHAIN;',
    'BEGIN; SELECT FROM FROM; COMMIT;',
  ])('%s: nothing is left out where it says more, or cannot be read', (sql) => {
    expect(rest(sql)).toEqual({ sql, lines: [] });
  });
});

describe("the tool's ledger", () => {
  const ledger = { schema: 'public', name: '_ledger' };
  const rest = (sql: string) => removeLedgerStatements('a.sql', sql, ledger);

  test.each([
    'ALTER TABLE _ledger ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE public._ledger ADD COLUMN note text',
    'INSERT INTO _ledger VALUES (1)',
    'UPDATE _ledger SET dirty = false',
    'DELETE FROM _ledger',
    'TRUNCATE _ledger',
    'GRANT SELECT ON _ledger TO app',
    'REVOKE ALL ON TABLE _ledger FROM PUBLIC',
    'CREATE POLICY none ON _ledger USING (false)',
    'CREATE INDEX ON _ledger (version)',
  ])('%s', (statement) => {
    expect(rest(`SELECT 1;\n${statement};\nSELECT 2;`)).toEqual({
      sql: 'SELECT 1;\n\nSELECT 2;',
      lines: [2],
    });
  });

  test.each([
    'ALTER TABLE other._ledger ADD COLUMN note text',
    'ALTER TABLE _ledgers ADD COLUMN note text',
    'GRANT SELECT ON _ledger, shops TO app',
    'TRUNCATE _ledger, shops',
    "INSERT INTO shops SELECT '_ledger' FROM _ledger",
    'GRANT USAGE ON SCHEMA _ledger TO app',
  ])('%s: it is about something else too, and stays', (sql) => {
    expect(rest(sql)).toEqual({ sql, lines: [] });
  });
});

describe('settings', () => {
  const rest = (sql: string) => localizeSettings('a.sql', sql);

  test.each([
    ['SET search_path TO shop, public', 'SET LOCAL search_path TO shop, public'],
    ['set session search_path = shop', 'SET LOCAL search_path = shop'],
    ["SET TIME ZONE 'UTC'", "SET LOCAL TIME ZONE 'UTC'"],
    ['RESET search_path', 'SET LOCAL search_path TO DEFAULT'],
    ['RESET shop.tenant', 'SET LOCAL shop.tenant TO DEFAULT'],
  ])('%s', (was, is) => {
    expect(rest(`SELECT 1;\n-- Why.\n${was};\nSELECT 2;`)).toEqual({
      sql: `SELECT 1;\n-- Why.\n${is};\nSELECT 2;`,
      lines: [3],
    });
  });

  test('timeouts are left out, and the rest of the file is as it was', () => {
    expect(
      rest("SET search_path = a;\nSET lock_timeout = '2s';\nSELECT 1;\nRESET STATEMENT_TIMEOUT;"),
    ).toEqual({
      sql: 'SET LOCAL search_path = a;\n\nSELECT 1;',
      lines: [1, 2, 4],
    });
  });

  test('an isolation level is left out: a file runs as Trueup runs all', () => {
    expect(rest('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\nSELECT 1;')).toEqual({
      sql: 'SELECT 1;',
      lines: [1],
    });
    const more = 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY';
    expect(rest(more)).toEqual({ sql: more, lines: [] });
  });

  test.each(['SET LOCAL search_path = shop', 'SET ROLE app', 'RESET ALL', 'SET TRANSACTION READ ONLY'])(
    '%s: it stays',
    (sql) => {
      expect(rest(sql)).toEqual({ sql, lines: [] });
    },
  );
});
