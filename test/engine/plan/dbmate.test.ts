/** A folder of dbmate migrations has no proofs, and a ledger that newer code wrote has newer functions: both are respected. */
import { describe, expect, test } from 'vitest';
import { LEDGER_VERSION } from '../../../lambda/engine/ledger/schema';
import { VERIFICATION_VERSION } from '../../../lambda/engine/sql/verification';
import { compileFiles } from '../../../lib/compiler';
import { connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

const bytes = (text: string) => new TextEncoder().encode(text);
const DBMATE = [
  {
    name: '20240101120000_create_users.sql',
    bytes: bytes(
      '-- migrate:up\nCREATE TABLE users (id int PRIMARY KEY, email text);\n\n-- migrate:down\nDROP TABLE users;\n',
    ),
  },
  {
    name: '20240102120000_index_users.sql',
    bytes: bytes(
      '-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY users_email ON users (email);\n\n-- migrate:down\nDROP INDEX users_email;\n',
    ),
  },
];
const names = DBMATE.map(({ name }) => name.replace('.sql', ''));

describe.each(majors())('PostgreSQL %i', (major) => {
  test('files of dbmate are applied as they are, and the report says that nothing proves them', async () => {
    const url = await createDatabase(major);
    const manifest = await compileFiles(DBMATE);
    const { report } = await up(url, manifest);
    expect(report).toMatchObject({ applied: names, withoutVerify: names, pending: [] });
    const client = await connect(url);
    const { rows } = await client.query('SELECT name, state, verified FROM trueup.migrations ORDER BY name');
    expect(rows).toEqual(names.map((name) => ({ name, state: 'applied', verified: false })));
    // What has its proof is not listed beside them.
    const verified = migration('20240103120000_proved', {
      up: ['CREATE TABLE verified ()'],
      verify: "SELECT 'no table' WHERE to_regclass('verified') IS NULL",
    });
    const both = await up(url, manifestOf(...manifest.migrations, verified), {});
    expect(both.report).toMatchObject({ applied: [verified.name], withoutVerify: [] });
  });

  // The second time the tables are older than this code, so that it installs.
  test.each([1, 0])(
    'verification functions of newer code stay as they are, by a ledger of version %i',
    async (version) => {
      const url = await createDatabase(major);
      const one = migration('0001_one', { up: ['CREATE TABLE one (id int)'] });
      await up(url, manifestOf(one));
      const client = await connect(url);
      const functions = async () =>
        (
          await client.query(
            "SELECT oid, xmin, prosrc FROM pg_proc WHERE pronamespace = 'trueup'::regnamespace ORDER BY 1",
          )
        ).rows;
      const found = await client.query("SELECT pg_get_functiondef('trueup.has_column'::regproc) AS text");
      await client.query(
        String(found.rows[0].text).replace(/SELECT trueup[^$]*/, "SELECT 'said by newer code' WHERE false "),
      );
      await client.query('UPDATE trueup.ledger SET functions_version = 99, version = $1', [version]);
      const before = await functions();
      expect(before.filter((row) => row.prosrc.includes('newer code'))).toHaveLength(1);
      const two = migration('0002_two', {
        up: ['CREATE TABLE two ()'],
        verify: "SELECT * FROM trueup.has_column('one', 'not there')",
      });
      await up(url, manifestOf(one, two));
      expect(await functions()).toEqual(before);
      const ledger = await client.query(
        'SELECT version, functions_version AS verification FROM trueup.ledger',
      );
      expect(ledger.rows).toEqual([{ version: LEDGER_VERSION, verification: 99 }]);
    },
  );

  test('those of older code are replaced', async () => {
    const url = await createDatabase(major);
    const one = migration('0001_one', { up: ['CREATE TABLE one (id int)'] });
    await up(url, manifestOf(one));
    const client = await connect(url);
    await client.query('UPDATE trueup.ledger SET functions_version = 0; DROP FUNCTION trueup.has_column');
    const two = migration('0002_two', {
      up: ['ALTER TABLE one ADD COLUMN n int'],
      verify: "SELECT * FROM trueup.has_column('one', 'n')",
    });
    expect((await run(url, manifestOf(one, two))).outcome).toMatchObject({ status: 'done' });
    const ledger = await client.query('SELECT functions_version AS verification FROM trueup.ledger');
    expect(ledger.rows).toEqual([{ verification: VERIFICATION_VERSION }]);
  });
});
