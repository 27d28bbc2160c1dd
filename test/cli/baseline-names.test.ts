/** `trueup baseline NEW --was OLD` and `--new NEW`, on the command line. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, outerMajors } from '../support/database';
import { temporaryFolder } from '../support/processes';
import { trueup } from './trueup';

test('a renamed and edited file is refused, and goes on once a person has said what it is', async () => {
  const url = await createDatabase();
  const folder = join(temporaryFolder(), 'shop');
  mkdirSync(folder);
  const write = (name: string, up: string) =>
    writeFileSync(
      join(folder, name),
      `-- ${name}\n\n-- migrate:up\n${up};\n\n-- migrate:verify\nSELECT trueup.has_table('note');\n`,
    );
  const at = (...args: string[]) => trueup([...args, folder, '--database-url', url]);
  write('0001_note.sql', 'CREATE TABLE note (id int)');
  expect((await at('up')).code).toBe(0);

  renameSync(join(folder, '0001_note.sql'), join(folder, '0003_note.sql'));
  const renamed = await at('up');
  expect(renamed).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('0003_note is the renamed file of 0001_note'),
  });

  renameSync(join(folder, '0003_note.sql'), join(folder, '0003_mark.sql'));
  write('0003_mark.sql', 'CREATE TABLE note (id int NULL)');
  const refused = await at('up');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('`trueup baseline 0003_mark --was 0003_note`');
  const said = await at('baseline', '0003_mark', '--was', '0003_note');
  expect(said).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('0003_mark is 0003_note, and its new text is recorded.'),
  });
  expect((await at('up')).stdout).toContain('nothing to do');

  renameSync(join(folder, '0003_mark.sql'), join(folder, '0003_other.sql'));
  write('0003_other.sql', 'CREATE TABLE other (id int)');
  expect((await at('up')).code).toBe(1);
  expect(await at('baseline', '--new', '0003_other')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('0003_other counts as a new migration.'),
  });
  expect((await at('up')).stdout).toContain('1 migration applied');

  expect((await at('baseline', '0003_other', '--new', '0003_other', '--was', 'x')).code).toBe(2);
});

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  const files = {
    note: `-- migrate:up
CREATE TABLE note (id int);
-- migrate:verify
SELECT trueup.has_table('note');
-- migrate:down
DROP TABLE note;
`,
    text: `-- migrate:up
ALTER TABLE note ADD COLUMN text text;
-- migrate:verify
SELECT trueup.has_column('note', 'text');
`,
    rest: `-- migrate:consent destroys a test
-- migrate:consent breaks a test
-- migrate:supersedes 0002_text
-- migrate:up
DO $$ BEGIN EXECUTE 'ALTER TABLE note DROP COLUMN text'; END $$;
-- migrate:no-verify a test
`,
    tag: `-- migrate:up
CREATE TABLE tag (id int);
-- migrate:verify
SELECT trueup.has_table('tag');
-- migrate:down
DROP TABLE tag;
`,
  };
  const folderOf = (names: Readonly<Record<string, string>>): string => {
    const folder = join(temporaryFolder(), 'shop');
    mkdirSync(folder);
    for (const [name, text] of Object.entries(names)) writeFileSync(join(folder, `${name}.sql`), text);
    return folder;
  };
  const old = folderOf({
    '0001_note': files.note,
    '0002_text': files.text,
    '0004_rest': files.rest,
    '0005_tag': files.tag,
  });
  const renamed = folderOf({
    '0001_remark': files.note,
    '0003_text': files.text,
    '0004_rest': files.rest,
    '0006_label': files.tag,
  });

  test('baseline, supersedes and down find a renamed file by its old name', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query('CREATE TABLE note (id int)');
    const at = (folder: string, ...args: string[]) => trueup([...args, folder, '--database-url', url]);
    expect((await at(old, 'baseline', '0001_note')).stdout).toContain('1 migration marked as applied');
    expect((await at(old, 'up')).stdout).toContain('3 migrations applied');
    expect((await at(old, 'verify')).code).toBe(0);

    const up = await at(renamed, 'up');
    expect(up).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('0006_label is the renamed file of 0005_tag'),
    });
    expect((await trueup(['check', renamed])).stderr).toContain(
      '`0003_text`, which has its name under another number, is superseded',
    );
    expect(await at(renamed, 'verify')).toMatchObject({ code: 0 });
    expect((await at(renamed, 'status')).stdout).toContain('superseded');
    expect(await at(renamed, 'baseline', '0001_note')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing to mark'),
    });
    expect(await at(renamed, 'baseline', '0001_nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no migration 0001_nothing'),
    });
    expect(await at(renamed, 'down', '0005_tag')).toMatchObject({ code: 0 });
    expect((await client.query("SELECT to_regclass('tag') AS tag")).rows).toEqual([{ tag: null }]);
    expect(await at(renamed, 'baseline', '0001_note', '--undo')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 migration no longer marked as applied: 0001_remark.'),
    });
    expect((await at(renamed, 'baseline', '0001_note')).stdout).toContain('1 migration marked as applied');
  });

  test('what a baseline recorded is taken back by the new name too, while the ledger has the old one', async () => {
    const url = await createDatabase(major);
    await (await connect(url)).query('CREATE TABLE note (id int)');
    const at = (folder: string, ...args: string[]) => trueup([...args, folder, '--database-url', url]);
    await at(old, 'baseline', '0001_note');
    expect(await at(renamed, 'baseline', '0001_remark', '--undo')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no longer marked as applied: 0001_remark.'),
    });
  });

  test('each tenant of a fleet by the name that its own ledger has', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    for (const name of ['a', 'b']) await client.query(`CREATE SCHEMA ${name}`);
    const list = (...names: string[]): string => {
      const file = join(temporaryFolder(), 'tenants.jsonl');
      const database = new URL(url).pathname.slice(1);
      writeFileSync(
        file,
        names.map((name) => `${JSON.stringify({ name, database, schema: name })}\n`).join(''),
      );
      return file;
    };
    const on = (folder: string, targets: string, ...args: string[]) =>
      trueup([...args, folder, '--fleet', targets], { env: { DATABASE_URL: url } });
    const both = list('a', 'b');
    expect(await on(old, list('a'), 'up')).toMatchObject({ code: 0 });
    expect(await on(renamed, list('b'), 'up')).toMatchObject({ code: 0 });
    const marked = { code: 0, stdout: '2 tenants: 2 recorded already.\n' };
    for (const [folder, moved] of [
      [renamed, 'shop/a'],
      [old, 'shop/a, shop/b'],
      [renamed, 'shop/a, shop/b'],
    ] as const) {
      const { rows: before } = await client.query('SELECT coalesce(max(id), 0) AS id FROM trueup.events');
      if (folder === old) expect(await on(folder, both, 'baseline', '0001_note')).toMatchObject(marked);
      expect(await on(folder, both, 'up')).toMatchObject({ code: 0 });
      const { rows } = await client.query(
        `SELECT string_agg(DISTINCT namespace, ', ' ORDER BY namespace) AS moved FROM trueup.events WHERE event = 'renamed' AND id > $1`,
        [before[0].id],
      );
      expect(rows).toEqual([{ moved }]);
      expect((await on(folder, both, 'status')).stdout).toContain('2 up to date');
    }
    for (const name of ['0001_note', '0001_remark'])
      expect(await on(renamed, both, 'baseline', name)).toMatchObject(marked);
    expect(await on(renamed, both, 'baseline', '0001_nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no migration 0001_nothing'),
    });
    const { rows } = await client.query(
      `SELECT namespace, count(*)::int AS times FROM trueup.events WHERE event IN ('applied', 'verified') GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { namespace: 'shop/a', times: 4 },
      { namespace: 'shop/b', times: 4 },
    ]);
  });
});
