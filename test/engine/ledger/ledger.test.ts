/** The ledger under conditions that are not the usual ones. */
import { expect, test } from 'vitest';
import { down, verify } from '../../../lambda/engine';
import { readLedger } from '../../../lambda/engine/ledger/read';
import { buildInstallSql, MIN_READER_VERSION } from '../../../lambda/engine/ledger/schema';
import { VERIFICATION_VERSION } from '../../../lambda/engine/sql/verification';
import { type Database, SqlError } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { connect, createDatabase, urlOf } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

const money = migration('0001_money', { up: ['CREATE TABLE acc (v int)', 'INSERT INTO acc VALUES (100)'] });
const doubled = migration('0002_doubled', { up: ['UPDATE acc SET v = v * 2'] });

test.each(['DROP TABLE trueup.deployments', 'DELETE FROM trueup.ledger', 'DROP TABLE trueup.ledger'])(
  'a part that is missing is not taken for a new database: %s',
  async (damage) => {
    const url = await createDatabase();
    const client = await connect(url);
    await up(url, manifestOf(money, doubled));
    await client.query(damage);
    const again = await run(url, manifestOf(money, doubled), { id: 'again' });
    expect(again.outcome).toMatchObject({ status: 'failed', error: { code: 'ledger' } });
    expect((await client.query('SELECT v FROM acc')).rows).toEqual([{ v: 200 }]);
  },
);

test('a ledger of which a session hears a moment late is not taken for a damaged one', async () => {
  const url = await createDatabase();
  await up(url, manifestOf(money));
  const db = await connectPg({ url });
  try {
    // As to a session that looks between the two steps of another one's commit: the tables are in its snapshot, and their
    // names are still known to be missing.
    let late = 3;
    const query: Database['query'] = (sql, params, settings) =>
      sql.includes('FROM trueup.ledger') && late-- > 0
        ? Promise.reject(new SqlError('relation "trueup.ledger" does not exist', '42P01'))
        : db.query(sql, params, settings);
    const ledger = await readLedger(
      Object.assign(Object.create(db) as Database, { query }),
      'app',
      null,
      null,
    );
    expect(ledger.migrations.map(({ name }) => name)).toEqual(['0001_money']);
    expect(late).toBeLessThan(0);
  } finally {
    await db.close();
  }
});

test('what a migration sets for itself does not reach the next one, or the ledger', async () => {
  const url = await createDatabase();
  await up(
    url,
    manifestOf(
      migration('0001_style', {
        up: ["SET LOCAL datestyle = 'SQL, DMY'", "SET LOCAL timezone = 'Asia/Kolkata'"],
      }),
      migration('0002_style', { up: ["SET LOCAL datestyle = 'Postgres, MDY'"] }),
      migration('0003_next'),
    ),
  );
  const { rows } = await (await connect(url)).query('SELECT duration_ms::int AS ms FROM trueup.migrations');
  expect(rows).toHaveLength(3);
  for (const { ms } of rows) {
    expect(ms).toBeGreaterThanOrEqual(0);
    // A date or zone that was misread would make hours or days of it.
    expect(ms).toBeLessThan(30 * 60_000);
  }
});

test('a file that was edited as it may be is not an edited one afterwards', async () => {
  const url = await createDatabase();
  const first = migration('0001_edit', {
    up: ['CREATE TABLE t (id int)', { sql: 'VACUUM nowhere', execution: 'non-transactional' }],
  });
  expect((await run(url, manifestOf(first))).outcome).toMatchObject({ status: 'failed' });
  const fixed = manifestOf(migration('0001_edit', { up: ['CREATE TABLE t (id int)'] }));
  expect((await run(url, fixed, { id: 'fixed' })).outcome).toMatchObject({ status: 'done' });
  expect((await run(url, fixed, { id: 'again' })).outcome).toMatchObject({ status: 'done' });
});

test('what the server finished between two slices is reported, and the deployment ended', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  const outcome = await up(url, manifestOf(money), { id: 'sliced' });
  await client.query("UPDATE trueup.deployments SET outcome = 'running', result = NULL");
  expect(await up(url, manifestOf(money), { id: 'sliced' })).toEqual(outcome);
  expect((await client.query('SELECT outcome FROM trueup.deployments')).rows).toEqual([{ outcome: 'done' }]);
});

test('a role that may write the ledger but not replace its functions is told whose they are', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  const manifest = manifestOf(money);
  await up(url, manifest);
  await client.query(`DROP ROLE IF EXISTS ledger_writer; CREATE ROLE ledger_writer LOGIN PASSWORD 'w';
    GRANT USAGE ON SCHEMA trueup TO ledger_writer;
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA trueup TO ledger_writer;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA trueup TO ledger_writer`);
  const asWriter = urlOf(url, { user: 'ledger_writer', password: 'w' });
  expect((await run(asWriter, manifest, { id: 'as writer' })).outcome).toMatchObject({ status: 'done' });
  await client.query('UPDATE trueup.ledger SET functions_version = 0');
  expect((await run(asWriter, manifest, { id: 'older' })).outcome).toMatchObject({
    status: 'failed',
    error: { code: 'privilege', remedy: expect.stringMatching(/GRANT "\w+" TO "ledger_writer";/) },
  });
  await client.query('DROP OWNED BY ledger_writer; DROP ROLE ledger_writer');
});

test('a database that only lets read says so', async () => {
  const url = await createDatabase();
  await (await connect(url)).query(
    `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`,
  );
  expect((await run(url, manifestOf(money))).outcome).toMatchObject({
    status: 'failed',
    error: { code: 'unsupported', sqlstate: '25006', message: expect.stringMatching(/read-only/) },
  });
});

test('default privileges that withhold functions from PUBLIC do not hinder an owner role', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  await client.query(`ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
    DROP ROLE IF EXISTS ledger_owner; CREATE ROLE ledger_owner; CREATE TABLE t (id int); ALTER TABLE t OWNER TO ledger_owner`);
  const locks = [{ relation: 't', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
  const manifest = manifestOf(
    migration('0001_t', { up: [{ sql: 'ALTER TABLE t ADD COLUMN note text', locks }] }),
  );
  expect((await run(url, manifest, { ownerRole: 'ledger_owner' })).outcome).toMatchObject({ status: 'done' });
  await client.query(`ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
    DROP OWNED BY ledger_owner; DROP ROLE ledger_owner`);
});

test('down keeps to what the file allows, and the same request again is answered as before', async () => {
  const url = await createDatabase();
  const locks = [{ relation: 'acc', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
  const slow = (settings: object) =>
    migration('0002_slow', {
      up: ['SELECT 1'],
      down: [{ sql: 'ALTER TABLE acc ADD COLUMN gone text', locks }, 'SELECT pg_sleep(0.7)'],
      settings,
    });
  const ask = { id: 'down', namespace: 'app', owner: null, name: '0002_slow' };
  const brief = manifestOf(money, slow({ statementTimeoutMs: 300 }));
  await up(url, brief);
  expect(await down(contextFor(url, brief), ask)).toMatchObject({
    status: 'failed',
    error: { sqlstate: '57014' },
  });
  // Without the file the limits are those that the deployment recorded.
  const withoutIt = contextFor(url, manifestOf(money));
  expect(await down(withoutIt, { ...ask, id: '2' })).toMatchObject({ error: { sqlstate: '57014' } });
  const long = contextFor(url, manifestOf(money, slow({ statementTimeoutMs: 3_000 })));
  const done = { status: 'done', report: { undone: ['0002_slow'] } };
  expect(await down(long, { ...ask, id: '3' })).toMatchObject(done);
  expect(await down(long, { ...ask, id: '3' })).toMatchObject(done);
  // The answer of the first call never came, and its end was not recorded either.
  const client = await connect(url);
  await client.query("UPDATE trueup.deployments SET outcome = 'running', result = NULL WHERE id = '3'");
  expect(await down(long, { ...ask, id: '3' })).toMatchObject(done);
  expect((await client.query("SELECT outcome FROM trueup.deployments WHERE id = '3'")).rows).toEqual([
    { outcome: 'done' },
  ]);
});

test("a newer ledger's version is never lowered, whatever older code installs", async () => {
  const url = await createDatabase();
  await up(url, manifestOf(money));
  const client = await connect(url);
  await client.query('UPDATE trueup.ledger SET version = 99, functions_version = 0');
  const next = migration('0009_next', { up: ['SELECT 1'] });
  expect(await up(url, manifestOf(money, next))).toMatchObject({ report: { applied: ['0009_next'] } });
  const { rows } = await client.query(
    'SELECT version, readable_by, functions_version AS verification FROM trueup.ledger',
  );
  expect(rows).toEqual([
    { version: 99, readable_by: MIN_READER_VERSION, verification: VERIFICATION_VERSION },
  ]);
});

test('of two that install at once, the older one lowers nothing', async () => {
  const url = await createDatabase();
  await up(url, manifestOf(money));
  const client = await connect(url);
  await client.query('UPDATE trueup.ledger SET version = 99, functions_version = 99');
  // It had read the ledger before the newer one came.
  await client.query(`BEGIN; ${buildInstallSql(null).join(';\n')}; COMMIT`);
  const { rows } = await client.query('SELECT version, functions_version AS verification FROM trueup.ledger');
  expect(rows).toEqual([{ version: 99, verification: 99 }]);
});

test('verify cannot write, though the connection could', async () => {
  const url = await createDatabase();
  const client = await connect(url);
  await client.query(`CREATE TABLE seen (n int); CREATE FUNCTION see() RETURNS SETOF text LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO seen VALUES (1); END'`);
  const writes = migration('0001_writes', { verify: 'SELECT * FROM see()' });
  await up(url, manifestOf(writes));
  const { verified, errors } = await verify(contextFor(url, manifestOf(writes)), 'app');
  expect(verified).toEqual([]);
  expect(errors).toMatchObject([{ sqlstate: '25006' }]);
  expect((await client.query('SELECT count(*)::int AS n FROM seen')).rows).toEqual([{ n: 1 }]);
});
