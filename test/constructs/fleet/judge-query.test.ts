/** Names of a query's columns: what is read from its text at synth is what servers call them. */
import { expect, test } from 'vitest';
import { validateQuery } from '../../../lib/constructs/fleet/judge-query';
import { connect, createDatabase, outerMajors } from '../../support/database';

const COLUMNS = [
  'name',
  't.name',
  'public.t.name',
  'name AS tenant',
  '(t).name',
  'tags[1]',
  'lower(name)',
  'pg_catalog.lower(name)',
  'count(*) OVER ()',
  'name::text',
  "'a'::text",
  '5::int',
  'lower(name)::text',
  'CAST(1 + 1 AS numeric(4, 1))',
  'name COLLATE "C"',
  "name || '_db'",
  "'a'",
  '1 + 1',
  'NOT active',
  'active AND active',
  'name IS NULL',
  'active IS TRUE',
  "name IN ('a')",
  "name LIKE 'a%'",
  "nullif(name, '')",
  "coalesce(name, '')",
  'ROW (name)',
  'ARRAY[name]',
  'ARRAY(SELECT name)',
  'EXISTS (SELECT 1)',
  '(SELECT max(name) FROM t)',
  '(SELECT 1)',
  '(SELECT name AS tenant)',
  '(SELECT name UNION SELECT name LIMIT 1)',
  'CASE WHEN active THEN name END',
  'CASE WHEN active THEN 1 ELSE 2 END',
  "CASE WHEN active THEN 'a' ELSE name END",
  "CASE WHEN active THEN 'a' ELSE 'b'::text END",
  '(CASE WHEN active THEN 1 END)::text',
];

test.each(outerMajors())('as PostgreSQL %i names them', async (major) => {
  const client = await connect(await createDatabase(major));
  await client.query('CREATE TABLE t (name text, tags text[], active boolean)');
  for (const column of COLUMNS) {
    const sql = `SELECT ${column} FROM t`;
    const { fields } = await client.query(sql);
    const { columns, problem } = await validateQuery(sql);
    expect([column, columns], problem ?? '').toEqual([column, fields.map(({ name }) => name)]);
  }
});

test.each(['*', 't.*', '(t).*', 'greatest(name, name)', 'current_user', 'xmlelement(name a)'])(
  'what only the server decides is left to it: %s',
  async (column) => {
    expect(await validateQuery(`SELECT ${column} FROM t`)).toEqual({ problem: null, columns: null });
    expect((await validateQuery(`SELECT ${column}, tenant FROM t`)).problem).toContain(
      'has the column "tenant"',
    );
  },
);
