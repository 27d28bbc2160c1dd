/** Tables behind a file's own search_path: those are locked beforehand that its names mean, and no others. */
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { compileUp } from '../compiler/support';
import { connect, createDatabase, majors } from '../support/database';
import { type EngineRun, run, runUntil } from '../support/engine';
import { manifestOf } from '../support/manifest';

const ALTER_BOTH = 'ALTER TABLE orders ADD COLUMN a int; ALTER TABLE items ADD COLUMN a int';

describe.each(majors())('PostgreSQL %i', (major) => {
  const fixture = async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    for (const schema of ['public', 'sales'])
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema};
        CREATE TABLE ${schema}.orders (id int); CREATE TABLE ${schema}.items (id int)`);
    return { url, client };
  };
  const hasWaited = ({ events }: EngineRun) => events.some(({ type }) => type === 'waiting');
  /** Somebody in the middle of a transaction who has read the table. */
  const reader = async (url: string, table: string): Promise<Client> => {
    const client = await connect(url);
    await client.query(`BEGIN; SELECT FROM ${table}`);
    return client;
  };

  test('the tables of the schema that it sets are locked, and their reader is named', async () => {
    const { url } = await fixture();
    const manifest = manifestOf(await compileUp(`SET LOCAL search_path = sales; ${ALTER_BOTH}`));
    const bystander = await reader(url, 'public.items');
    const inTheWay = await reader(url, 'sales.items');
    const { rows } = await inTheWay.query('SELECT pg_backend_pid() AS pid');
    const { outcome, events } = await runUntil(hasWaited, url, manifest, {}, 2_500);
    expect(outcome).toMatchObject({ status: 'continue' });
    const told = events.flatMap((event) => (event.type === 'waiting' ? [event.message] : []));
    expect(told[0]).toMatch(
      new RegExp(`waits for a lock: pid ${rows[0].pid} .* holds AccessShareLock on sales\\.items$`),
    );
    expect(told.join()).not.toMatch(/public|gone already/);
    await inTheWay.query('ROLLBACK');
    expect((await run(url, manifest)).outcome).toMatchObject({ status: 'done' });
    await bystander.query('ROLLBACK');
  });

  test('the locks are held before the first change, and no others', async () => {
    const { url, client } = await fixture();
    await client.query(
      `CREATE TABLE held AS SELECT relation::regclass::text AS relation FROM pg_locks LIMIT 0`,
    );
    const manifest = manifestOf(
      await compileUp(`SET LOCAL search_path = sales;
        INSERT INTO public.held SELECT relation::regclass::text FROM pg_locks
          WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND locktype = 'relation';
        ${ALTER_BOTH}`),
    );
    expect((await run(url, manifest)).outcome).toMatchObject({ status: 'done' });
    expect((await client.query('SELECT relation FROM held ORDER BY 1')).rows).toEqual([
      { relation: 'items' },
      { relation: 'orders' },
    ]);
    expect(manifest.migrations[0]!.statements[2]!.locks).toMatchObject([{ relation: 'sales.orders' }]);
  });

  test('where nobody can know the schema, nothing is locked beforehand, and nobody is accused', async () => {
    const { url, client } = await fixture();
    const manifest = manifestOf(await compileUp(`SET LOCAL search_path = sales, public; ${ALTER_BOTH}`));
    const bystander = await reader(url, 'public.items');
    const inTheWay = await reader(url, 'sales.items');
    const { events } = await runUntil(hasWaited, url, manifest, {}, 2_500);
    const told = events.flatMap((event) => (event.type === 'waiting' ? [event.message] : []));
    expect(told[0]).toMatch(/waits for a lock: the blocking session is unknown$/);
    await inTheWay.query('ROLLBACK');
    expect((await run(url, manifest)).outcome).toMatchObject({ status: 'done' });
    await bystander.query('ROLLBACK');
    const { rows } = await client.query(
      "SELECT attrelid::regclass::text AS relation FROM pg_attribute WHERE attname = 'a' ORDER BY 1",
    );
    expect(rows).toEqual([{ relation: 'sales.items' }, { relation: 'sales.orders' }]);
  });
});
