/** What a file has to say before it may destroy data or take long, and in which words it is told so. */
import { expect, test } from 'vitest';
import { CONSENT, compile, file, problemsOf } from '../support';

const TABLE = CONSENT + file('CREATE TABLE c (id int PRIMARY KEY);');
const files = (sql: string, consents: string) => ({
  '0001_table.sql': TABLE,
  '0002_change.sql': consents + file(`${sql};`),
});
const DROP = 'DROP TABLE c';
const RETYPE = 'ALTER TABLE c ALTER id TYPE bigint';

const REFUSED: readonly (readonly [sql: string, at: number, rule: string, what: string, remedy: string])[] = [
  [
    DROP,
    1,
    'drop-relation',
    'DROP TABLE removes c: data may be lost',
    'If this is intended, add the line `-- migrate:consent destroys <why>`; for this rule alone, `-- migrate:consent drop-relation <why>`.',
  ],
  [
    'SELECT 1; DELETE FROM c',
    11,
    'delete-rows',
    'DELETE removes rows of c: data may be lost',
    'If this is intended, add the line `-- migrate:consent destroys <why>`; for this rule alone, `-- migrate:consent delete-rows <why>`.',
  ],
  [
    RETYPE,
    21,
    'column-type',
    'the new type of c.id rewrites the table: that may take a long time',
    'If the table is large, add a new column, fill it in a batch, and switch over. Or add the line `-- migrate:consent rewrites <why>`; for this rule alone, `-- migrate:consent column-type <why>`.',
  ],
];

test.each(REFUSED)('%s', async (sql, column, rule, what, remedy) => {
  expect(await problemsOf(files(sql, ''))).toMatchObject([
    {
      file: '0002_change.sql',
      line: 2,
      column,
      rule,
      message: `${what}, and the file does not consent to it`,
      remedy,
    },
  ]);
});

test.each([
  [DROP, 'rewrites', ['drop-relation']],
  [DROP, 'cascade', ['drop-relation']],
  [RETYPE, 'destroys', ['column-type']],
  [`${DROP} CASCADE`, 'drop-relation', ['cascade']],
  [`${DROP}; ${RETYPE}`, 'destroys', ['column-type']],
])('%s: consent to %s is not consent to all', async (sql, consent, rules) => {
  const problems = await problemsOf(files(sql, `-- migrate:consent ${consent} a test\n`));
  expect(problems.map(({ rule }) => rule)).toEqual(rules);
});

test.each([
  [DROP, 'destroys'],
  [DROP, 'drop-relation'],
  [RETYPE, 'rewrites'],
  [RETYPE, 'column-type'],
])('%s: consent to %s is enough', async (sql, consent) => {
  const { migrations } = await compile(files(sql, `-- migrate:consent ${consent} a test\n`));
  expect(migrations).toHaveLength(2);
});

test("dbmate's files may rewrite, and not destroy", async () => {
  const dbmate = (sql: string) => ({
    '20240101000000_table.sql': '-- migrate:up\nCREATE TABLE c (id int PRIMARY KEY);\n-- migrate:down\n',
    '20240102000000_change.sql': `-- migrate:up\n${sql};\n-- migrate:down\n`,
  });
  expect((await compile(dbmate(RETYPE))).migrations).toHaveLength(2);
  expect(await problemsOf(dbmate(DROP))).toMatchObject([{ rule: 'drop-relation' }]);
});
