/** A fleet's workload: guarded for each tenant, in its own schema or database, and looked at by the scheduled check. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { computeSampleSlot } from '../../../lambda/fleet/sample';
import { checkFleetDrift } from '../../../lambda/migrate/fleet/drift';
import { connect, createDatabase, outerMajors } from '../../support/database';
import { manifestOf, migration, promising } from '../../support/manifest';
import { callTenant, connectTo, runRequest } from './support';

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);
const made = migration('0001_orders', {
  up: ['CREATE TABLE orders (id int PRIMARY KEY, note text)'],
  verify: "SELECT trueup.has_table('orders')",
});
const change = (name: string, sql: string) =>
  migration(name, {
    up: [{ sql, locks: [{ relation: 'orders', mode: 'ACCESS EXCLUSIVE', created: false }] }],
  });
/** As it was recorded where names without a schema meant another one. */
const READS = { text: 'SELECT note FROM orders WHERE id = $1', searchPath: 'public', calls: 88 };
const first = promising(manifestOf(made), READS);
const harmless = promising(manifestOf(made, change('0002_total', 'ALTER TABLE orders ADD total int')), READS);
const breaking = promising(
  manifestOf(made, change('0002_remark', 'ALTER TABLE orders RENAME COLUMN note TO remark')),
  { ...READS, text: 'SELECT remark FROM orders WHERE id = $1' },
);

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  afterEach(() => void vi.restoreAllMocks());

  async function fleet() {
    const [url, own] = [await createDatabase(major), await createDatabase(major)];
    const client = await connect(url);
    for (const schema of ['acme', 'globex']) await client.query(`CREATE SCHEMA ${schema}`);
    const tenants = [
      ...['acme', 'globex'].map((schema) => ({ name: schema, database: databaseOf(url), schema })),
      { name: 'own', database: databaseOf(own) },
    ];
    const all = async (
      work: 'inspect' | 'apply' | 'undo',
      manifest: typeof first,
      request = runRequest(manifest),
    ) => {
      const answers = [];
      for (const tenant of tenants) answers.push(await callTenant({ url, manifest }, work, tenant, request));
      return answers;
    };
    return { url, own, client, all };
  }
  const states = (answers: readonly { readonly state: string }[]) => answers.map(({ state }) => state);

  test('a migration that breaks what runs is refused for each tenant; a harmless one is not', async () => {
    const { client, all } = await fleet();
    expect(states(await all('apply', first))).toEqual(['up to date', 'up to date', 'up to date']);
    expect(
      (
        await client.query(
          'SELECT DISTINCT namespace, search_path AS path FROM trueup.workload_statements ORDER BY 1',
        )
      ).rows,
    ).toEqual([
      { namespace: 'crm/acme', path: '"acme"' },
      { namespace: 'crm/globex', path: '"globex"' },
    ]);
    const refused = await all('apply', breaking);
    expect(states(refused)).toEqual(['failed', 'failed', 'failed']);
    for (const { error } of refused)
      expect(error?.message).toContain('1 statement that the running application sends would no longer work');
    expect(states(await all('apply', harmless))).toEqual(['up to date', 'up to date', 'up to date']);
    const { rows } = await client.query(
      "SELECT attrelid::regclass::text AS orders, attname FROM pg_attribute WHERE attname IN ('remark', 'total') ORDER BY 1",
    );
    expect(rows).toEqual([
      { orders: 'acme.orders', attname: 'total' },
      { orders: 'globex.orders', attname: 'total' },
    ]);
  });

  test('another workload is something to do, without a migration; a statement that does not plan fails that tenant', async () => {
    const { client, all } = await fleet();
    await all('apply', manifestOf(made));
    expect(states(await all('inspect', manifestOf(made)))).toEqual([
      'up to date',
      'up to date',
      'up to date',
    ]);
    expect(await all('inspect', first)).toMatchObject([
      { state: 'behind', pending: 0 },
      { state: 'behind', pending: 0 },
      { state: 'behind', pending: 0 },
    ]);
    await client.query('ALTER TABLE globex.orders DROP COLUMN note');
    const answers = await all('apply', first);
    expect(states(answers)).toEqual(['up to date', 'failed', 'up to date']);
    expect(states(await all('inspect', first))).toEqual(['up to date', 'behind', 'up to date']);
    // Without one the last goes on guarding; taken away again, it is nobody's.
    expect(states(await all('inspect', manifestOf(made)))).toEqual(['up to date', 'behind', 'up to date']);
    const removed = { ...manifestOf(made), removesWorkload: true };
    expect(states(await all('inspect', removed))).toEqual(['behind', 'behind', 'behind']);
    expect(states(await all('apply', removed))).toEqual(['up to date', 'up to date', 'up to date']);
    expect((await client.query('SELECT count(*)::int AS kept FROM trueup.workload_statements')).rows).toEqual(
      [{ kept: 0 }],
    );
  });

  test('other shared schemas are something to do: names mean other tables, and the promise says so', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    for (const schema of ['acme', 'old', 'new', 'other']) await client.query(`CREATE SCHEMA ${schema}`);
    await client.query(
      'CREATE TABLE old.rates (eur int); CREATE TABLE new.rates (eur int); CREATE TABLE other.rates (usd int)',
    );
    const manifest = promising(manifestOf(made), { ...READS, text: 'SELECT eur FROM rates' });
    const of = (shared: string) => ({ url, manifest, fleet: { sharedSchemas: [shared] } });
    const tenant = { name: 'acme', database: databaseOf(url), schema: 'acme' };
    const work = (shared: string, what: 'inspect' | 'apply', by = runRequest(manifest)) =>
      callTenant(of(shared), what, tenant, by);
    const paths = async () =>
      (await client.query('SELECT search_path AS path FROM trueup.workload_statements')).rows;

    expect(await work('old', 'apply')).toMatchObject({ state: 'up to date' });
    expect(await work('new', 'inspect')).toMatchObject({ state: 'behind', pending: 0, changes: ['schemas'] });
    expect(await work('new', 'apply')).toMatchObject({ state: 'up to date' });
    expect(await paths()).toEqual([{ path: '"acme", "new"' }]);
    expect((await client.query('SELECT schemas FROM trueup.namespaces')).rows).toEqual([
      { schemas: ['acme', 'new'] },
    ]);
    expect(await work('new', 'inspect')).not.toHaveProperty('changes');
    // There the statement does not plan: the deployment fails, and what runs stays promised as it runs.
    expect(await work('other', 'apply')).toMatchObject({ state: 'failed', error: { code: 'workload' } });
    expect(await paths()).toContainEqual({ path: '"acme", "new"' });
    // By hand, without a stack, and without a workload.
    const plain = manifestOf(made);
    const byHand = (shared: string, what: 'inspect' | 'apply') =>
      callTenant(
        { ...of(shared), manifest: plain },
        what,
        { ...tenant, schema: 'old' },
        runRequest(plain, { owner: null }),
      );
    expect(await byHand('new', 'apply')).toMatchObject({ state: 'up to date' });
    expect(await byHand('other', 'inspect')).toMatchObject({ state: 'behind', changes: ['schemas'] });
    expect(await byHand('other', 'apply')).toMatchObject({ state: 'up to date' });
    expect(await byHand('other', 'inspect')).toMatchObject({ state: 'up to date' });
  });

  test('a workload that failed, and then the one before again, by hand: nothing is left to do', async () => {
    const { all } = await fleet();
    const by = (manifest: typeof first) => runRequest(manifest, { owner: null });
    const missing = promising(manifestOf(made), { ...READS, text: 'SELECT nobody FROM orders' });
    await all('apply', first, by(first));
    expect(states(await all('apply', missing, by(missing)))).toEqual(['failed', 'failed', 'failed']);
    expect(states(await all('inspect', first, by(first)))).toEqual(['behind', 'behind', 'behind']);
    expect(states(await all('apply', first, by(first)))).toEqual(['up to date', 'up to date', 'up to date']);
    expect(states(await all('inspect', first, by(first)))).toEqual([
      'up to date',
      'up to date',
      'up to date',
    ]);
  });

  test('a rollback brings back the older workload, or none, also where the newer one was refused', async () => {
    const { client, all } = await fleet();
    const other = promising(manifestOf(made), { ...READS, text: 'SELECT id FROM orders WHERE note = $1' });
    const promises = async () =>
      (await client.query('SELECT name, workload, next_workload FROM trueup.namespaces ORDER BY 1')).rows;
    const texts = async () =>
      (await client.query('SELECT DISTINCT statement FROM trueup.workload_statements')).rows.map(
        ({ statement }) => statement,
      );
    for (const before of [first, manifestOf(made), { ...manifestOf(made), removesWorkload: true }]) {
      await all('apply', before);
      const known = await promises();
      await client.query('ALTER TABLE globex.orders RENAME note TO note_');
      const failed = runRequest(other);
      expect(states(await all('apply', other, failed))).toEqual(['up to date', 'failed', 'up to date']);
      const since = failed.startedAt ?? null;
      const undone = await all(
        'undo',
        before,
        runRequest(before, {
          direction: 'rollback',
          failed: { manifestHash: other.hash, reportedSuccess: false, since },
        }),
      );
      expect(states(undone)).toEqual(['undone', 'undone', 'undone']);
      await client.query('ALTER TABLE globex.orders RENAME note_ TO note');
      // Where the newer workload had taken its place, code that carries none has nothing to bring back.
      const replaced = before.workload === undefined ? { workload: null } : {};
      expect(await promises()).toEqual([{ ...known[0], ...replaced }, known[1]]);
      expect(await texts()).toEqual('removesWorkload' in before ? [] : [READS.text]);
      expect(states(await all('inspect', before))).toEqual(['up to date', 'up to date', 'up to date']);
    }
  });

  test('eight tenants of one database at once', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    const names = Array.from({ length: 8 }, (_, i) => `t${i}`);
    for (const name of names) await client.query(`CREATE SCHEMA ${name}`);
    const apply = (manifest: typeof first) => {
      const request = runRequest(manifest);
      const at = (name: string) => ({ name, database: databaseOf(url), schema: name });
      return Promise.all(names.map((name) => callTenant({ url, manifest }, 'apply', at(name), request)));
    };
    expect(new Set(states(await apply(first)))).toEqual(new Set(['up to date']));
    expect(new Set(states(await apply(harmless)))).toEqual(new Set(['up to date']));
  });

  test('the scheduled check counts the tenants whose statements no longer plan', async () => {
    const { url, own, client, all } = await fleet();
    await all('apply', first);
    const check = () =>
      checkFleetDrift(
        {
          connect: async (options) => {
            const db = await connectTo(url)(options);
            const query: typeof db.query = async (sql, params, settings) => {
              const rows = await db.query(sql, params, settings);
              // Tests share a server.
              return sql.includes('pg_catalog.pg_database d')
                ? (rows.filter((row) =>
                    [databaseOf(url), databaseOf(own)].includes(String(row.name ?? row.database)),
                  ) as never)
                : (rows as never);
            };
            return Object.assign(Object.create(db), { query, capabilities: db.capabilities }) as typeof db;
          },
          manifest: first,
          deadline: Date.now() + 60_000,
          namespace: 'crm',
          ownerRole: null,
          turn: computeSampleSlot(Date.now(), 1),
        },
        false,
      );
    const workload = async () => (await check()).findings.filter(({ kind }) => kind === 'workload');
    expect(await workload()).toEqual([]);
    await client.query('ALTER TABLE globex.orders DROP COLUMN note');
    await (await connect(own)).query('ALTER TABLE orders DROP COLUMN note');
    expect(await workload()).toEqual([
      {
        kind: 'workload',
        tenants: 2,
        first: [databaseOf(own), `${databaseOf(url)}/globex`].sort(),
        example: '1 of 1 statements no longer plan',
      },
    ]);
  });
});
