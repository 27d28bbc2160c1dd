/** A connection that only reads: what somebody else's code does meanwhile leaves nothing behind, over both transports. */
import type { Client, Notification } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { connect, createDatabase, majors } from '../support/database';

/** What a function of the application may try in the session of whoever reads. */
const HOSTILE = `CREATE FUNCTION evil() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('default_transaction_read_only', 'off', false), set_config('search_path', 'evil', false),
    set_config('statement_timeout', '1', false), pg_notify('leak', 'secret');
  PERFORM pg_catalog.set_config('statement_timeout', '0', true);
  RETURN 'called'; END $$`;
const SETTINGS = ['default_transaction_read_only', 'search_path', 'statement_timeout'];

const endpoints: { close(): Promise<unknown> }[] = [];
afterAll(() => Promise.all(endpoints.map((each) => each.close())));

const transports = {
  pg: async (url: string) => connectPg({ url, readOnly: true }),
  'data-api': async (url: string) => {
    const { hostname: host, port, username, password, pathname } = new URL(url);
    const endpoint = await startDataApi({ host, port: Number(port), secret: { username, password } });
    endpoints.push(endpoint);
    return connectDataApi({ ...endpoint, database: pathname.slice(1), readOnly: true });
  },
};

describe.each(majors())('PostgreSQL %i', (major) => {
  describe.each(Object.keys(transports) as (keyof typeof transports)[])('%s', (transport) => {
    let db: Database;
    let client: Client;
    const heard: Notification[] = [];
    beforeAll(async () => {
      const url = await createDatabase(major);
      client = await connect(url);
      await client.query(`${HOSTILE}; CREATE TABLE t (id int)`);
      await client.query('LISTEN leak');
      client.on('notification', (each) => heard.push(each));
      db = await transports[transport](url);
    });
    afterAll(() => db.close());

    const settings = async (): Promise<unknown> =>
      (
        await db.query(
          `SELECT ${SETTINGS.map((name) => `pg_catalog.current_setting('${name}') AS ${name}`).join(', ')}`,
        )
      )[0];

    const calls: Record<string, () => Promise<unknown>> = {
      query: () => db.query('SELECT public.evil()'),
      'a query with parameters': () => db.query('SELECT public.evil() WHERE $1::bool', [true]),
      'a query with settings': () => db.query('SELECT public.evil()', [], { lock_timeout: '50' }),
      execute: () => db.execute([{ statements: ['SELECT public.evil()'] }]),
      'a transaction': () => db.inReadOnlyTransaction((reads) => reads.query('SELECT public.evil()')),
      'rows as they come': async () => db.queryEach?.('SELECT public.evil()', [], () => {}),
    };
    test.each(Object.keys(calls))('%s: no setting stays, and no NOTIFY is delivered', async (name) => {
      const before = await settings();
      await calls[name]!();
      expect(await settings()).toEqual(before);
      // Notifications come in the order of the commits.
      await client.query("NOTIFY leak, 'end'");
      await expect.poll(() => heard.at(-1)?.payload).toBe('end');
      expect(heard.splice(0).map(({ payload }) => payload)).toEqual(['end']);
    });

    test('nothing is written, whatever is asked for', async () => {
      const refused = { sqlstate: '25006' };
      const write = 'INSERT INTO public.t VALUES (1)';
      await expect(db.query(write)).rejects.toMatchObject(refused);
      await expect(db.query('INSERT INTO public.t VALUES ($1::int)', [1])).rejects.toMatchObject(refused);
      await expect(db.execute([{ statements: [write] }])).rejects.toMatchObject(refused);
      await expect(db.executeOutside('VACUUM public.t', {})).rejects.toMatchObject(refused);
      await expect(db.inReadOnlyTransaction((reads) => reads.query(write))).rejects.toMatchObject(refused);
      await expect(
        db.query("SELECT pg_catalog.set_config('transaction_read_only', 'off', true)"),
      ).rejects.toMatchObject({ sqlstate: '25001' });
      expect((await client.query('SELECT count(*)::int AS n FROM public.t')).rows).toEqual([{ n: 0 }]);
    });

    test('queries that are sent at the same time do not share a transaction', async () => {
      const answers = await Promise.all([
        db.query('SELECT $1::int AS n', [1]),
        db.inReadOnlyTransaction(
          async (reads) => {
            const [first] = await reads.query("SELECT pg_catalog.current_setting('lock_timeout') AS at");
            return [first, await reads.query('SELECT $1::int AS n', [2])];
          },
          { settings: { lock_timeout: '70' } },
        ),
        db.query("SELECT pg_catalog.current_setting('lock_timeout') AS at"),
        db.query('SELECT 1 / $1::int AS n', [0]).catch((error) => error.sqlstate),
        db.query('SELECT 4 AS n', [], { lock_timeout: '90' }),
      ]);
      expect(answers).toEqual([[{ n: 1 }], [{ at: '70ms' }, [{ n: 2 }]], [{ at: '0' }], '22012', [{ n: 4 }]]);
    });
  });
});
