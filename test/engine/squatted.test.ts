/** Functions of schema trueup run with the login's rights: whoever owns the schema must not be somebody with fewer. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readLedger } from '../../lambda/engine/ledger/read';
import { verifyDatabase } from '../../lambda/engine/verify';
import { connectPg } from '../../lambda/postgres/pg';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../support/database';
import { contextFor, run } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

const one = manifestOf(migration('0001_t', { up: ['CREATE TABLE t (id int)'] }));

describe.each(majors())('PostgreSQL %i', (major) => {
  const withRole = async () => {
    const url = await createDatabase(major);
    const name = `squatter_${randomBytes(4).toString('hex')}`;
    await asSuperuser(major, `CREATE ROLE ${name} LOGIN PASSWORD 'x'`);
    await (await connect(url)).query(`GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${name}`);
    return { url, name, own: urlOf(url, { user: name, password: 'x' }) };
  };

  test('a schema that another role has made beforehand is not moved into', async () => {
    const { url, name, own } = await withRole();
    await (await connect(own)).query('CREATE SCHEMA trueup');
    const { outcome } = await run(url, one);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'privilege', message: expect.stringContaining(`schema trueup belongs to role ${name}`) },
    });
    expect((await (await connect(url)).query("SELECT to_regclass('t') AS t")).rows).toEqual([{ t: null }]);
  });

  test('nor is one that was given away since', async () => {
    const { url, name } = await withRole();
    expect((await run(url, one)).outcome.status).toBe('done');
    await (await connect(url)).query(`ALTER SCHEMA trueup OWNER TO ${name}`);
    expect((await run(url, one)).outcome).toMatchObject({ status: 'failed', error: { code: 'privilege' } });
  });

  test('a superuser may make it for another role', async () => {
    const { url, name, own } = await withRole();
    await (await connect(url)).query(`CREATE SCHEMA trueup; GRANT ALL ON SCHEMA trueup TO ${name};
      GRANT CREATE ON SCHEMA public TO ${name}`);
    expect((await run(own, one)).outcome.status).toBe('done');
    expect((await run(url, one)).outcome).toMatchObject({ status: 'failed', error: { code: 'privilege' } });
  });

  test('a ledger that another role has made is neither read nor called', async () => {
    const { url, name, own } = await withRole();
    const manifest = manifestOf(
      migration('0001_s', {
        up: ['CREATE SCHEMA s'],
        verify: "SELECT s FROM trueup.hasnt_table('s.gone') s",
      }),
    );
    expect((await run(own, manifest)).outcome.status).toBe('done');
    const client = await connect(own);
    await client.query(`CREATE FUNCTION s.evil() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_advisory_lock(4711); RETURN true; END';
      GRANT USAGE ON SCHEMA s TO PUBLIC; GRANT ALL ON SCHEMA trueup TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA trueup TO PUBLIC;
      CREATE OR REPLACE FUNCTION trueup.hasnt_table(table_name text, path text DEFAULT '') RETURNS SETOF text LANGUAGE sql AS 'SELECT NULL WHERE s.evil() IS NULL';
      ALTER TABLE trueup.namespaces ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON trueup.namespaces USING (s.evil())`);
    const login = `login_${randomBytes(4).toString('hex')}`;
    await asSuperuser(
      major,
      `CREATE ROLE ${login} LOGIN CREATEDB CREATEROLE PASSWORD 'x'; GRANT ${name} TO ${login}`,
    );
    for (const as of [url, urlOf(url, { user: login, password: 'x' })]) {
      const belongs = {
        code: 'privilege',
        message: expect.stringContaining(`schema trueup belongs to role ${name}`),
      };
      const db = await connectPg({ url: as, readOnly: true });
      const connectTo = { ...contextFor(as, manifest), connect: async () => db };
      await expect(verifyDatabase(db, connectTo, 'app')).rejects.toMatchObject({ info: belongs });
      await expect(readLedger(db, 'app', null, null)).rejects.toMatchObject({ info: belongs });
      expect((await run(as, manifest)).outcome).toMatchObject({ status: 'failed', error: belongs });
      const { rows } = await client.query(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
      );
      expect(rows).toEqual([]);
      await db.close();
    }
    await asSuperuser(major, `DROP ROLE ${login}`);
  });
});
