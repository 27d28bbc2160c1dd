/** The name that missing-conflict-target proposes for its index: the server's own, and one that the compiler accepts. */
import { describe, expect, it } from 'vitest';
import { missingConflictTarget } from '../../lambda/defects/kinds/missing-conflict-target';
import { NO_OBJECT } from '../../lambda/defects/object';
import { compileFiles } from '../../lib/compiler';
import { connect, createDatabase, majors } from '../support/database';

const LONG = 'a_table_whose_name_takes_nearly_all_of_the_bytes_that_there_are';

/** Table and columns, as SQL writes them. */
const NAMED: [string, string[]][] = [
  ['orders', ['number']],
  ['student_course_purchases', ['student_id', 'course_id']],
  ['"Order"', ['"Key"', '"user"']],
  ['"with ""quotes"""', ['"a.b"']],
  ['"select"', ['"from"']],
  [LONG, ['id']],
  ['t', [`${LONG.slice(0, 61)}_1`, `${LONG.slice(0, 61)}_2`]],
  [LONG, [`${LONG.slice(0, 61)}_1`, `${LONG.slice(0, 61)}_2`]],
  ['"заказы_покупателей_за_год"', ['"номер_заказа_по_порядку"', '"покупатель"']],
  [`"${'x'.repeat(28)}ёж"`, [`"${'y'.repeat(28)}€"`, '"ё"']],
];

const repairOf = (table: string, columns: string[]): string =>
  missingConflictTarget.repair({ ...NO_OBJECT, table: `public.${table}`, columns }).sql.at(-1)!;
const nameIn = (sql: string): string => /CONCURRENTLY (.+) ON public\./.exec(sql)![1]!;

describe.each(majors())('PostgreSQL %i', (major) => {
  it('it is the name of a UNIQUE constraint, quoted as the server quotes it', async () => {
    const client = await connect(await createDatabase(major));
    for (const [table, columns] of NAMED) {
      await client.query(`CREATE TABLE ${table} (${columns.map((column) => `${column} int`).join(', ')})`);
      await client.query(`ALTER TABLE ${table} ADD UNIQUE (${columns.join(', ')})`);
      const { rows } = await client.query(
        `SELECT quote_ident(conname) AS name FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'u'`,
        [table],
      );
      expect(nameIn(repairOf(table, columns)), table).toBe(rows[0].name);
      await client.query(`DROP TABLE ${table}`);
    }
  });

  it('beside an index over the same columns, and for an expression', async () => {
    const client = await connect(await createDatabase(major));
    await client.query('CREATE TABLE people (id int, email text); CREATE INDEX ON people (id)');
    for (const columns of [['id'], ['lower(email)', 'id'], ['(email || id)']]) {
      await client.query(repairOf('people', columns));
    }
    const { rows } = await client.query(
      `SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid WHERE indrelid = 'people'::regclass ORDER BY 1`,
    );
    expect(rows.map(({ relname }) => relname)).toEqual([
      'people_expr_key',
      'people_id_idx',
      'people_id_key',
      'people_lower_id_key',
    ]);
  });
});

it.each(NAMED)('as a migration it compiles: %s', async (table, columns) => {
  const content = `-- migrate:up\n${repairOf(table, columns)}\n-- migrate:verify\nSELECT 'x' WHERE false;\n`;
  const { migrations } = await compileFiles([{ name: '0001_index.sql', bytes: Buffer.from(content) }]);
  expect(migrations[0]!.statements.map(({ execution }) => execution)).toEqual(['non-transactional']);
});
