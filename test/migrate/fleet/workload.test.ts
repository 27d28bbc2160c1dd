/** A fleet's workload: guarded for each tenant, in its own schema or database, and looked at by the scheduled check. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { turnAt } from '../../../lambda/fleet/sample';
import { checkFleet } from '../../../lambda/migrate/fleet/drift';
import { connect, createDatabase, outerMajors } from '../../support/database';
import { manifestOf, migration, promising } from '../../support/manifest';
import { connectTo, runRequest, tenant } from './support';

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
    const targets = [
      ...['acme', 'globex'].map((schema) => ({ name: schema, database: databaseOf(url), schema })),
      { name: 'own', database: databaseOf(own) },
    ];
    const all = async (
      work: 'look' | 'apply' | 'undo',
      manifest: typeof first,
      request = runRequest(manifest),
    ) => {
      const answers = [];
      for (const target of targets) answers.push(await tenant({ url, manifest }, work, target, request));
      return answers;
    };
    return { url, own, client, all };
  }
  const states = (answers: readonly { readonly state: string }[]) => answers.map(({ state }) => state);

  test('a migration that breaks what runs is refused for each tenant; a harmless one is not', async () => {
    const { client, all } = await fleet();
    expect(states(await all('apply', first))).toEqual(['at version', 'at version', 'at version']);
    expect(
      (await client.query('SELECT DISTINCT namespace, path FROM trueup.workload ORDER BY 1')).rows,
    ).toEqual([
      { namespace: 'crm/acme', path: '"acme"' },
      { namespace: 'crm/globex', path: '"globex"' },
    ]);
    const refused = await all('apply', breaking);
    expect(states(refused)).toEqual(['failed', 'failed', 'failed']);
    for (const { error } of refused)
      expect(error?.message).toContain('1 statement that the running application sends would no longer work');
    expect(states(await all('apply', harmless))).toEqual(['at version', 'at version', 'at version']);
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
    expect(states(await all('look', manifestOf(made)))).toEqual(['at version', 'at version', 'at version']);
    expect(await all('look', first)).toMatchObject([
      { state: 'behind', pending: 0 },
      { state: 'behind', pending: 0 },
      { state: 'behind', pending: 0 },
    ]);
    await client.query('ALTER TABLE globex.orders DROP COLUMN note');
    const answers = await all('apply', first);
    expect(states(answers)).toEqual(['at version', 'failed', 'at version']);
    expect(states(await all('look', first))).toEqual(['at version', 'behind', 'at version']);
    // Taken away again, it is nobody's.
    expect(states(await all('look', manifestOf(made)))).toEqual(['behind', 'behind', 'behind']);
    expect(states(await all('apply', manifestOf(made)))).toEqual(['at version', 'at version', 'at version']);
    expect((await client.query('SELECT count(*)::int AS kept FROM trueup.workload')).rows).toEqual([
      { kept: 0 },
    ]);
  });

  test('eight tenants of one database at once', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    const names = Array.from({ length: 8 }, (_, i) => `t${i}`);
    for (const name of names) await client.query(`CREATE SCHEMA ${name}`);
    const apply = (manifest: typeof first) => {
      const request = runRequest(manifest);
      const target = (name: string) => ({ name, database: databaseOf(url), schema: name });
      return Promise.all(names.map((name) => tenant({ url, manifest }, 'apply', target(name), request)));
    };
    expect(new Set(states(await apply(first)))).toEqual(new Set(['at version']));
    expect(new Set(states(await apply(harmless)))).toEqual(new Set(['at version']));
  });

  test('the scheduled check counts the tenants whose statements no longer plan', async () => {
    const { url, own, client, all } = await fleet();
    await all('apply', first);
    const check = () =>
      checkFleet(
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
          turn: turnAt(Date.now(), 1),
        },
        false,
      );
    const workload = async () => (await check()).kinds.filter(({ kind }) => kind === 'workload');
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
