/** Files that were applied elsewhere before Trueup was adopted: on a new database they run, on an older one they destroy nothing. */
import { describe, expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import { compileFiles } from '../../../lib/compiler';
import { SUPABASE } from '../../adopt/supabase';
import { connect, createDatabase, majors } from '../../support/database';
import { run } from '../../support/engine';

const FILES: Readonly<Record<string, string>> = {
  '20240101120000_a.sql':
    '-- migrate:up\nCREATE TABLE IF NOT EXISTS a (id int, old text);\n-- migrate:down\nDROP;\n',
  '20240102120000_b.sql': '-- migrate:up\n\n-- migrate:down\n',
  '20240103120000_c.sql':
    '-- migrate:history applied with dbmate\n-- migrate:up\nALTER TABLE a DROP COLUMN old;\nDO $$ BEGIN END $$;\n-- migrate:down\n',
  '20240104120000_d.sql': '-- migrate:up\nCREATE TABLE d ();\n-- migrate:down\nDROP TABLE d;\n',
};
const names = Object.keys(FILES).map((name) => name.slice(0, -4));
const compiled = (files: Readonly<Record<string, string>>) =>
  compileFiles(Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) })));

async function apply(url: string, files = FILES, change: Partial<ConvergeRequest> = {}) {
  return (await run(url, await compiled(files), change)).outcome;
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('a new database gets all of it, in order', async () => {
    const url = await createDatabase(major);
    expect(await apply(url)).toMatchObject({ status: 'done', report: { applied: names, pending: [] } });
    const { rows } = await (await connect(url)).query(
      "SELECT attname FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0 AND NOT attisdropped",
    );
    expect(rows).toEqual([{ attname: 'id' }]);
    expect(await apply(url)).toMatchObject({ status: 'done', report: { applied: [] } });
  });

  test('a database with tables that nobody has recorded keeps what is in them', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query("CREATE TABLE a (id int, old text); INSERT INTO a VALUES (1, 'kept')");
    expect(await apply(url)).toMatchObject({
      status: 'failed',
      error: {
        code: 'history',
        migration: names[2],
        message: expect.stringContaining('has tables that these files did not create'),
      },
    });
    expect((await client.query('SELECT old FROM a')).rows).toEqual([{ old: 'kept' }]);
    const consent = {
      ...FILES,
      '20240103120000_c.sql': `-- migrate:consent destroys it is copied\n${FILES['20240103120000_c.sql']}`,
    };
    expect(
      await apply(url, {
        ...consent,
        '20240103120000_c.sql': `-- migrate:no-verify dbmate\n${consent['20240103120000_c.sql']}`,
      }),
    ).toMatchObject({ status: 'done' });
  });

  test("a new database of Supabase has its services' tables, and is new; their rows are kept", async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(SUPABASE);
    const bucket = '-- migrate:up\nINSERT INTO storage.buckets (id, name) VALUES (1, 2);\n-- migrate:down\n';
    const files = { ...FILES, '20240102120000_b.sql': bucket };
    expect(await apply(url, files)).toMatchObject({ status: 'done', report: { applied: names } });

    const used = await createDatabase(major);
    const other = await connect(used);
    await other.query(SUPABASE);
    await other.query("INSERT INTO storage.buckets (id, name) VALUES ('kept', 'kept')");
    expect(await apply(used, files)).toMatchObject({
      status: 'failed',
      error: {
        migration: names[1],
        message: expect.stringContaining('changes rows of storage.buckets, which this database already has'),
      },
    });
    // Without the others, `auth` is an application's own.
    const own = await createDatabase(major);
    await (await connect(own)).query('CREATE SCHEMA auth; CREATE TABLE auth.users ()');
    expect(await apply(own, FILES)).toMatchObject({
      error: { message: expect.stringContaining('has tables that these files did not create') },
    });
  });

  const CHANGES: Readonly<Record<string, string>> = {
    '0001_a.sql': '-- migrate:up\nCREATE TABLE IF NOT EXISTS shop.a (id int, price int);\n-- migrate:down\n',
    '0002_b.sql':
      '-- migrate:history applied with a tool that nobody knows\n-- migrate:up\nUPDATE shop.a SET price = price * 100;\n-- migrate:down\n',
  };

  test.each([
    ['by its name', CHANGES['0002_b.sql']!],
    ['by the path', CHANGES['0002_b.sql']!.replace('UPDATE shop.', 'SET LOCAL search_path = shop;\nUPDATE ')],
  ])('rows that are there, found %s, are not changed a second time', async (_, text) => {
    const files = { ...CHANGES, '0002_b.sql': text };
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(
      'CREATE SCHEMA shop; CREATE TABLE shop.a (id int, price int); INSERT INTO shop.a VALUES (1, 1)',
    );
    const refused = {
      code: 'history',
      migration: '0002_b',
      message: expect.stringContaining('it changes rows of'),
    };
    expect(await apply(url, files)).toMatchObject({ status: 'failed', error: refused });
    expect((await client.query('SELECT price FROM shop.a')).rows).toEqual([{ price: 1 }]);
    const fresh = await createDatabase(major);
    await (await connect(fresh)).query('CREATE SCHEMA shop; CREATE TABLE others (id int)');
    expect(await apply(fresh, files)).toMatchObject({
      status: 'done',
      report: { applied: ['0001_a', '0002_b'] },
    });
  });

  test('a run that stopped half way on a new database goes on', async () => {
    const url = await createDatabase(major);
    // The text of what is not applied yet may be corrected.
    const broken = { ...FILES, '20240102120000_b.sql': '-- migrate:up\nSELECT 1/0;\n-- migrate:down\n' };
    expect(await apply(url, broken)).toMatchObject({ status: 'failed', report: { applied: [names[0]] } });
    expect(await apply(url)).toMatchObject({ status: 'done', report: { applied: names.slice(1) } });
  });

  test.each([
    ['the line', '-- migrate:history we say so\n', null],
    ['a baseline', '', '20240105120000_e'],
  ])(
    'a database in use keeps what a newer file would destroy, whatever %s says',
    async (_, line, baseline) => {
      const url = await createDatabase(major);
      await apply(url);
      const client = await connect(url);
      await client.query('INSERT INTO a VALUES (1)');
      const files = {
        ...FILES,
        '20240105120000_e.sql': `${line}-- migrate:up\nDROP TABLE a;\n-- migrate:verify\nSELECT 'a' WHERE to_regclass('a') IS NOT NULL;\n`,
      };
      const manifest = await compileFiles(
        Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) })),
        'migrations',
        baseline === null ? {} : { history: baseline },
      );
      expect((await run(url, manifest, { baseline })).outcome).toMatchObject({
        status: 'failed',
        error: {
          code: 'history',
          migration: '20240105120000_e',
          message: expect.stringContaining('has been in use since Trueup applied the files before it'),
        },
      });
      expect((await client.query('SELECT id FROM a')).rows).toEqual([{ id: 1 }]);
    },
  );

  test('a database that was taken over keeps what the rest would destroy', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(`CREATE TABLE a (id int, old text);
      CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('20240101120000')`);
    await apply(url, FILES, { baseline: names[0], baselineOnly: true });
    expect(await apply(url)).toMatchObject({
      status: 'failed',
      error: { code: 'history', message: expect.stringContaining('existed before Trueup was adopted') },
    });
  });

  test('what cannot run is recorded where another tool ran it, and refused elsewhere', async () => {
    const files = { ...FILES, '20240102120000_b.sql': '-- migrate:up\nCOMMIT;\n-- migrate:down\n' };
    const fresh = await createDatabase(major);
    expect(await apply(fresh, files)).toMatchObject({
      status: 'failed',
      error: {
        code: 'manifest',
        migration: names[1],
        message: expect.stringContaining('COMMIT controls the transaction'),
      },
    });
    expect((await (await connect(fresh)).query("SELECT to_regclass('a') AS a")).rows).toEqual([{ a: null }]);
    const old = await createDatabase(major);
    await (await connect(old)).query(`CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
      INSERT INTO schema_migrations SELECT unnest('{20240101120000,20240102120000,20240103120000}'::text[])`);
    expect(await apply(old, files, { baseline: names[2] })).toMatchObject({
      status: 'done',
      report: { applied: [names[3]], baselined: names.slice(0, 3) },
    });
  });
});
