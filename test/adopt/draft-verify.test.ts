/** Drafts of `verify`: they hold at the end, and when the migration has just been applied. */
import { beforeAll, expect, test } from 'vitest';
import { readCatalog } from '../../lambda/audit/catalog/read';
import { connectPg } from '../../lambda/postgres/pg';
import { draftVerifySection } from '../../lib/adopt/draft-verify';
import { compileFiles } from '../../lib/compiler';
import { loadParser } from '../../lib/compiler/read/parser';
import { connect, createDatabase, newestMajor } from '../support/database';

beforeAll(loadParser);

/** Of the first migration. */
async function drafted(first: string, second: string): Promise<readonly string[]> {
  const url = await createDatabase(newestMajor());
  await (await connect(url)).query(`${first}${second}`);
  const db = await connectPg({ url, readOnly: true });
  try {
    const { catalog } = await readCatalog(db);
    const file = { name: '1_a.sql', bytes: Buffer.from(`-- migrate:up\n${first}\n`) };
    const { migrations } = await compileFiles([file], 'adopt', { history: '1_a' });
    return draftVerifySection(migrations[0]!, catalog);
  } finally {
    await db.close();
  }
}

const TABLE = 'CREATE TABLE shops (id int, code text, name text);';
const HAS_TABLE = "SELECT trueup.has_table('public.shops')";
const indexed = (columns: string, more = ''): string =>
  `SELECT trueup.is_indexed('public.shops', ARRAY[${columns}]${more})`;

test('an index that had another form at first is not asked for', async () => {
  for (const form of ['USING hash (code)', '(code DESC)', '(code text_pattern_ops)', '(code) INCLUDE (name)'])
    expect(
      await drafted(
        `${TABLE}CREATE INDEX shops_code ON shops ${form};CREATE INDEX shops_name ON shops (name, id);`,
        'DROP INDEX shops_code;CREATE INDEX shops_code ON shops (code);',
      ),
      form,
    ).toEqual([HAS_TABLE, indexed("'name', 'id'")]);
});

test('what the same migration takes away again is not asked for, though a later one makes another', async () => {
  expect(
    await drafted(
      `${TABLE}CREATE TABLE old (id int);CREATE UNIQUE INDEX shops_id ON shops (id);ALTER TABLE shops RENAME COLUMN code TO codes;
       CREATE INDEX shops_name ON shops (name);DROP INDEX shops_name;ALTER TABLE old RENAME TO older;DROP TABLE older;`,
      'CREATE TABLE old (id int);ALTER TABLE shops ADD code text;CREATE INDEX shops_name ON shops (name);',
    ),
  ).toEqual([HAS_TABLE, indexed("'id'", ', is_unique => true')]);
});

test('what it takes away before it makes it is', async () => {
  expect(await drafted(`DROP TABLE IF EXISTS shops;${TABLE}`, '')).toEqual([HAS_TABLE]);
});
