/** What verify finds without a word in a verify section: replaced bodies, lost rights, foreign keys that do not check. */
import { describe, expect, it } from 'vitest';
import type { Migration } from '../../lambda/contract/manifest';
import { verify } from '../../lambda/engine';
import { computeExpectedState } from '../../lambda/engine/expected-state';
import { compileFiles } from '../../lib/compiler';
import { connect, createDatabase, majors } from '../support/database';
import { contextFor, up } from '../support/engine';
import { INSTALL_SQL } from '../support/installed';

const compiled = (files: Readonly<Record<string, string>>) =>
  compileFiles(
    Object.entries(files).map(([name, sql]) => ({
      name: `${name}.sql`,
      bytes: Buffer.from(
        `-- migrate:consent destroys a test\n-- migrate:no-verify a test\n-- migrate:up\n${sql}\n`,
      ),
    })),
  );

const FOLDER = {
  '0001_tables': `CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE t (id serial PRIMARY KEY, p_id int REFERENCES p (id));
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n + n';
GRANT SELECT, INSERT ON t TO still_there_app;
GRANT USAGE ON SEQUENCE t_id_seq TO still_there_app;`,
  R__body: `CREATE OR REPLACE FUNCTION twice(n integer) RETURNS int LANGUAGE sql AS $$
  SELECT 2 * n -- twice
$$;`,
};

const revokedLater = { ...FOLDER, '0002_less': 'REVOKE INSERT ON t FROM still_there_app;' };

describe.each(majors())('PostgreSQL %i', (major) => {
  it('a replaced body and lost rights are found, by the file that made them; what files take back is not', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(
      'DO $$ BEGIN CREATE ROLE still_there_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$',
    );
    const manifest = await compiled(FOLDER);
    await up(url, manifest);
    const findings = async (about = manifest) =>
      (await verify(contextFor(url, about), 'app')).findings.map(
        ({ migration, sentence }) => `${migration}: ${sentence}`,
      );
    expect(await findings()).toEqual([]);

    await client.query(
      'CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS $$ SELECT 3 * n $$',
    );
    await client.query(
      'REVOKE INSERT ON t FROM still_there_app; REVOKE ALL ON SEQUENCE t_id_seq FROM still_there_app',
    );
    expect(await findings()).toEqual([
      'R__body: The body of public.twice(n integer) is not the one that this file defines.',
      '0001_tables: still_there_app no longer has INSERT on public.t, which this file grants.',
      '0001_tables: still_there_app no longer has USAGE on public.t_id_seq, which this file grants.',
    ]);

    // A repeatable that waits says nothing of the body; a file that revokes says that it is meant.
    const changed = await compiled({
      ...revokedLater,
      R__body: `${FOLDER.R__body}\n-- another text\nSELECT 1;`,
    });
    expect(await findings(changed)).toHaveLength(2);
    await client.query('GRANT USAGE ON SEQUENCE t_id_seq TO still_there_app');
    await up(url, changed);
    expect(await findings(changed)).toEqual([]);

    // One of two functions of the name is nobody's to judge.
    await client.query(
      'CREATE SCHEMA other; CREATE FUNCTION other.twice(n int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    );
    await client.query(
      'CREATE OR REPLACE FUNCTION public.twice(n int) RETURNS int LANGUAGE sql AS $$ SELECT 3 * n $$',
    );
    expect(await findings(changed)).toEqual([]);
    await client
      .query('DROP ROLE still_there_app')
      .catch(() => client.query('DROP OWNED BY still_there_app; DROP ROLE still_there_app'));
    expect(await findings(changed)).toEqual([]);
  });

  it('a foreign key whose triggers are off checks nothing', async () => {
    const client = await connect(await createDatabase(major));
    await client.query(INSTALL_SQL);
    await client.query(`CREATE TABLE p (id int PRIMARY KEY);
      CREATE TABLE t (p_id int REFERENCES p (id)) PARTITION BY RANGE (p_id);
      CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (9)`);
    const said = async () =>
      (await client.query("SELECT trueup.fk_ok('t', '{p_id}', 'p', '{id}') AS said")).rows.map(
        ({ said: each }) => each,
      );
    expect(await said()).toEqual([]);
    await client.query('ALTER TABLE t_1 DISABLE TRIGGER ALL');
    expect(await said()).toEqual([
      expect.stringMatching(/t_p_id_fkey has disabled triggers: rows are not checked/),
    ]);
    await client.query('ALTER TABLE t_1 ENABLE TRIGGER ALL; ALTER TABLE p DISABLE TRIGGER ALL');
    expect(await said()).toHaveLength(1);
    await client.query('ALTER TABLE p ENABLE TRIGGER ALL');
    expect(await said()).toEqual([]);
  });
});

it('the last file that says something of an object is the one that counts', async () => {
  const { migrations } = await compiled({
    '0001_a': 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;',
    '0002_b': 'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$;',
    '0003_c': 'CREATE FUNCTION g() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$;',
    '0004_d': 'DROP FUNCTION g();',
  });
  const names = (list: readonly Migration[]) =>
    computeExpectedState(list).functions.map(({ migration }) => migration);
  expect(names(migrations)).toEqual(['0002_b']);
});
