/**
 * What every Database does, whatever the transport: run for `pg` and for the Data API. Where the two differ, the
 * difference is one that `capabilities` declares.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  ConnectionLostError,
  type Database,
  SqlError,
  StillRunningError,
} from '../../lambda/postgres/database';
import { connect as connectDirectly, createDatabase } from '../support/database';

export interface Connected {
  readonly db: Database;
  /** Its process is gone: nothing gets through any more, and nobody was told. */
  kill(): Promise<void>;
}

export interface ContractSubject {
  /** Another connection to the same database. */
  connect(): Promise<Connected>;
  /** Until the lock of a runner that died is free again. */
  readonly lockOutlivesDeathMs: number;
}

const KEY = 0x7472756575700abcn;

export function databaseContract(
  name: string,
  majors: readonly number[],
  makeSubject: (databaseUrl: string) => Promise<ContractSubject>,
): void {
  describe.each(majors)(`${name}, PostgreSQL %i`, (major) => {
    let subject: ContractSubject;
    let direct: Client;
    const opened: Connected[] = [];

    const open = async (): Promise<Connected> => {
      const connected = await subject.connect();
      opened.push(connected);
      return connected;
    };
    const openDb = async (): Promise<Database> => (await open()).db;
    /** Whether a statement with this text is in its pg_sleep: one that is only parsed ends with its client. */
    const isSleeping = async (text: string): Promise<boolean> => {
      const found = await direct.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep' AND position($1 IN query) > 0",
        [text],
      );
      return found.rowCount! > 0;
    };
    const count = async (table: string): Promise<number> =>
      Number((await direct.query(`SELECT count(*) FROM ${table}`)).rows[0].count);

    beforeAll(async () => {
      const url = await createDatabase(major);
      direct = await connectDirectly(url);
      subject = await makeSubject(url);
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map(({ db }) => db.close()));
    });

    describe('query', () => {
      it('gives the same values for the same types', async () => {
        const db = await openDb();
        const [row] = await db.query(`SELECT 7::int2 AS i2, -1::int4 AS i4, 9007199254740993::int8 AS i8,
          1.50::numeric AS n, 1.5::float8 AS f, true AS b, 'žluť 😀'::text AS t, 'v'::varchar(9) AS v, 'n'::name AS nm,
          NULL::text AS nul, '7b4a2c1e-0000-4000-8000-0000000000ff'::uuid AS u, '{a,NULL,"b \\" c"}'::text[] AS a,
          '{"k": [1]}'::jsonb::text AS j, '2024-02-29 12:00+00'::timestamptz::text AS ts`);
        expect(row).toEqual({
          i2: 7,
          i4: -1,
          i8: '9007199254740993',
          n: '1.50',
          f: 1.5,
          b: true,
          t: 'žluť 😀',
          v: 'v',
          nm: 'n',
          nul: null,
          u: '7b4a2c1e-0000-4000-8000-0000000000ff',
          a: ['a', null, 'b " c'],
          j: '{"k": [1]}',
          ts: '2024-02-29 12:00:00+00',
        });
        expect(await db.query('SELECT 1 WHERE false')).toEqual([]);
      });

      it('takes parameters, whose types the SQL says', async () => {
        const db = await openDb();
        const hostile = `O'Hara \\ "q" $1 :p1 $$ -- /* 😀\n\t`;
        const list = ['a', '', 'b,c', 'd"e', 'f\\g', '{}', 'NULL', "it's", '😀'];
        const [row] = await db.query(
          `SELECT $1::text AS t, $2::int4 AS i, $3::bool AS b, $4::text AS n, $5::text[] AS l, $6::float8 AS f,
             $1::text || '!' AS again, $7::text[] AS empty`,
          [hostile, 42, false, null, list, 0.5, []],
        );
        expect(row).toEqual({
          t: hostile,
          i: 42,
          b: false,
          n: null,
          l: list,
          f: 0.5,
          again: `${hostile}!`,
          empty: [],
        });
      });

      it('takes nothing for a parameter that is quoted or commented', async () => {
        const db = await openDb();
        const [row] = await db.query(
          `SELECT 'a$1' AS a, E'it\\'s $1' AS b, $q$ $1 $$ $q$ AS c, $1::text AS "d$1" -- $1
             /* $1 /* $2 */ $3 */ , '::p1' AS e, array_to_string((ARRAY[1,2,3])[2:3], ',') AS f`,
          ['x'],
        );
        expect(row).toEqual({ a: 'a$1', b: "it's $1", c: ' $1 $$ ', d$1: 'x', e: '::p1', f: '2,3' });
      });

      it("throws the server's SQLSTATE, position and primary message, and no detail", async () => {
        const db = await openDb();
        const failure = await db.query(`SELECT 'ü😀', nope`).catch((error) => error);
        expect(failure).toBeInstanceOf(SqlError);
        expect(failure).toMatchObject({ sqlstate: '42703', message: 'column "nope" does not exist' });
        expect(failure.position).toBe('SELECT .ü., '.length + 1);
        await db.execute([{ statements: ['CREATE TABLE persons (mail text PRIMARY KEY)'] }]);
        await db.query(`INSERT INTO persons VALUES ('jane@example.com')`);
        const duplicate = await db.query(`INSERT INTO persons VALUES ('jane@example.com')`).catch((e) => e);
        expect(duplicate.sqlstate).toBe('23505');
        expect(duplicate.message).not.toContain('jane');
        expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      });
    });

    describe('execute', () => {
      it('commits each transaction and tells the rows affected', async () => {
        const db = await openDb();
        const affected = await db.execute([
          {
            statements: [
              'CREATE TABLE counted (id int)',
              'INSERT INTO counted VALUES (1), (2) -- with a comment',
            ],
          },
          {
            statements: [
              'UPDATE counted SET id = id + 10',
              'SELECT id FROM counted',
              'DELETE FROM counted WHERE id = 11',
            ],
          },
        ]);
        expect(affected).toEqual([
          [0, 2],
          [2, 2, 1],
        ]);
        expect(await count('counted')).toBe(1);
      });

      it('stops at the first error: what was committed stays, nothing later runs', async () => {
        const db = await openDb();
        await db.execute([{ statements: ['CREATE TABLE steps (id int)'] }]);
        const failure = await db
          .execute([
            { statements: ['INSERT INTO steps VALUES (1)'] },
            { statements: ['INSERT INTO steps VALUES (2)', '/* é */ SELECT missing FROM steps', 'SELECT 1'] },
            { statements: ['INSERT INTO steps VALUES (3)'] },
          ])
          .catch((error) => error);
        expect(failure).toBeInstanceOf(SqlError);
        expect(failure).toMatchObject({
          transaction: 1,
          statement: 1,
          sqlstate: '42703',
          position: '/* é */ SELECT '.length,
        });
        expect((await direct.query('SELECT id FROM steps')).rows).toEqual([{ id: 1 }]);
        // The connection can be used again, and no transaction is left open.
        expect(await db.execute([{ statements: ['INSERT INTO steps VALUES (4)'] }])).toEqual([[1]]);
      });

      it('takes a search path for a list of schemas', async () => {
        const db = await openDb();
        await db.execute([{ statements: ['CREATE TABLE path_seen (v text)'] }]);
        const look = "INSERT INTO public.path_seen SELECT pg_catalog.current_setting('search_path')";
        const paths = ['pg_catalog, pg_temp', '"Odd, ""name""", "$user", public'];
        for (const path of paths) await db.execute([{ settings: { search_path: path }, statements: [look] }]);
        const { rows } = await direct.query('SELECT v FROM path_seen');
        expect(rows.map(({ v }) => v)).toEqual(paths);
      });

      it('holds settings for their transaction alone, and places an error all the same', async () => {
        const db = await openDb();
        await db.execute([{ statements: ['CREATE TABLE settings_held (v text)'] }]);
        const settings = { lock_timeout: '77', 'trueup.test': "it's \\ 1" };
        const look = `INSERT INTO settings_held SELECT current_setting('lock_timeout') || coalesce(current_setting('trueup.test', true), '')`;
        expect(await db.execute([{ settings, statements: [look] }, { statements: [look] }])).toEqual([
          [1],
          [1],
        ]);
        expect((await direct.query('SELECT v FROM settings_held')).rows).toEqual([
          { v: "77msit's \\ 1" },
          { v: '0' },
        ]);
        const statements = ['SELECT 1', "SELECT 1 / (length('') * 1)"];
        const failure = await db.execute([{ statements: [look] }, { settings, statements }]).catch((e) => e);
        expect(failure).toMatchObject({ sqlstate: '22012', transaction: 1, statement: 1 });
      });

      it('blames the last statement for a constraint that is checked at the commit', async () => {
        const db = await openDb();
        await db.execute([
          {
            statements: [
              'CREATE TABLE parents (id int PRIMARY KEY)',
              'CREATE TABLE children (id int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)',
            ],
          },
        ]);
        const failure = await db
          .execute([{ statements: ['INSERT INTO children VALUES (1)', 'SELECT 1'] }])
          .catch((error) => error);
        expect(failure).toMatchObject({ sqlstate: '23503', transaction: 0, statement: 1 });
        expect(await count('children')).toBe(0);
      });

      it('undoes the transaction when a block raises, with its SQLSTATE and every line of its message', async () => {
        const db = await openDb();
        const failure = await db
          .execute([
            {
              statements: [
                'CREATE TABLE raised (id int)',
                `DO $v$ BEGIN RAISE EXCEPTION USING ERRCODE = 'TU001', MESSAGE = E'2\\nfirst; finding\\nsecond: finding',
                 DETAIL = 'row data', HINT = 'none'; END $v$`,
              ],
            },
          ])
          .catch((error) => error);
        expect(failure).toMatchObject({
          sqlstate: 'TU001',
          message: '2\nfirst; finding\nsecond: finding',
          statement: 1,
        });
        expect((await direct.query("SELECT to_regclass('raised') AS found")).rows[0].found).toBeNull();
      });

      it('keeps SET LOCAL for the transaction and no longer', async () => {
        const db = await openDb();
        await db.execute([
          {
            statements: [
              'CREATE TABLE seen (v text)',
              "SET LOCAL lock_timeout = '123ms'",
              "INSERT INTO seen VALUES (current_setting('lock_timeout'))",
            ],
          },
          { statements: ["INSERT INTO seen VALUES (current_setting('lock_timeout'))"] },
        ]);
        expect((await direct.query('SELECT v FROM seen')).rows).toEqual([{ v: '123ms' }, { v: '0' }]);
      });
    });

    describe('executeOutside', () => {
      it('runs what PostgreSQL refuses in a transaction block, while the lock is held', async () => {
        const db = await openDb();
        await db.execute([
          {
            statements: [
              'CREATE TABLE big (id int, v text)',
              'INSERT INTO big SELECT g, g::text FROM generate_series(1, 2000) g',
            ],
          },
        ]);
        expect(await db.tryLock(KEY)).toBe(true);
        await db.executeOutside('CREATE UNIQUE INDEX CONCURRENTLY big_id ON big (id)', {
          statement_timeout: '0',
        });
        const { rows } = await direct.query(
          "SELECT indisvalid FROM pg_index WHERE indexrelid = 'big_id'::regclass",
        );
        expect(rows).toEqual([{ indisvalid: true }]);
        const failure = await db
          .executeOutside('CREATE UNIQUE INDEX CONCURRENTLY big_x ON big ((id % 10))', {})
          .catch((error) => error);
        expect(failure).toBeInstanceOf(SqlError);
        expect(failure.sqlstate).toBe('23505');
      });

      it('applies its settings to that statement alone, where there is a session', async () => {
        const db = await openDb();
        await db.execute([{ statements: ['CREATE TABLE settings_seen (v text)'] }]);
        const look = "INSERT INTO settings_seen VALUES (current_setting('lock_timeout'))";
        await db.executeOutside(look, { lock_timeout: '77ms' });
        await db.executeOutside(look, {});
        const applied = db.capabilities.session ? '77ms' : '0';
        expect((await direct.query('SELECT v FROM settings_seen')).rows).toEqual([
          { v: applied },
          { v: '0' },
        ]);
      });
    });

    describe('a deadline', () => {
      it('leaves a statement outside a transaction to the server', async () => {
        const db = await openDb();
        await db.execute([{ statements: ['CREATE TABLE late_outside (id int)'] }]);
        await direct.query('SELECT pg_advisory_lock(1)');
        await expect(
          db.executeOutside(
            'INSERT INTO late_outside SELECT 1 FROM pg_advisory_xact_lock(1)',
            {},
            { deadline: Date.now() + 1_000 },
          ),
        ).rejects.toBeInstanceOf(StillRunningError);
        expect(await count('late_outside')).toBe(0);
        await direct.query('SELECT pg_advisory_unlock(1)');
        await expect.poll(() => count('late_outside')).toBe(1);
      });

      it('ends the wait for a transaction too; without a session it is undone', async () => {
        const db = await openDb();
        await db.execute([{ statements: ['CREATE TABLE late_inside (id int)'] }]);
        await direct.query('SELECT pg_advisory_lock(1)');
        await expect(
          db.execute(
            [
              {
                statements: [
                  'INSERT INTO late_inside VALUES (1)',
                  'SELECT pg_advisory_xact_lock(1)::text',
                  'SELECT 1',
                ],
              },
            ],
            { deadline: Date.now() + 1_000 },
          ),
        ).rejects.toBeInstanceOf(StillRunningError);
        await direct.query('SELECT pg_advisory_unlock(1)');
        const busy = async () =>
          (
            await direct.query(
              "SELECT FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() AND datname = current_database()",
            )
          ).rowCount;
        await expect.poll(busy).toBe(0);
        expect(await count('late_inside')).toBe(db.capabilities.session ? 1 : 0);
      });

      it('begins no other transaction once the deadline has come', async () => {
        const db = await openDb();
        await db.execute([{ statements: ['CREATE TABLE begun (id int)'] }]);
        const insert = (id: number, more: string[] = []) => ({
          statements: [`INSERT INTO begun VALUES (${id})`, ...more],
        });
        await expect(
          db.execute([insert(1), insert(2, ['SELECT pg_sleep(3)::text']), insert(3)], {
            deadline: Date.now() + 1_500,
          }),
        ).rejects.toBeInstanceOf(StillRunningError);
        await expect.poll(() => isSleeping('pg_sleep(3)')).toBe(false);
        expect((await direct.query('SELECT id FROM begun')).rows).toEqual([{ id: 1 }]);
      });
    });

    describe('the lock between runners', () => {
      it('excludes the other, names its holder, and is free after unlock', async () => {
        const [one, two] = [await openDb(), await openDb()];
        expect(await one.tryLock(KEY)).toBe(true);
        expect(await two.tryLock(KEY)).toBe(false);
        expect(await two.tryLock(KEY + 1n)).toBe(true);
        const holder = await two.lockHolder(KEY);
        expect(holder).toMatchObject({ applicationName: 'trueup', progress: null });
        expect(holder!.pid).toBeGreaterThan(0);
        expect(holder!.stateAgeMs).toBeLessThan(30_000);
        expect(Date.parse(holder!.backendStart)).toBeLessThanOrEqual(Date.now() + 1_000);
        await one.unlock(KEY);
        expect(await two.lockHolder(KEY)).toBeNull();
        expect(await two.tryLock(KEY)).toBe(true);
      });

      it('holds a second key with others, or neither', async () => {
        const [one, two, three] = [await openDb(), await openDb(), await openDb()];
        const ALL = KEY + 100n;
        expect(await one.tryLock(KEY, ALL)).toBe(true);
        expect(await two.tryLock(KEY + 1n, ALL)).toBe(true);
        expect(await three.tryLock(KEY, ALL)).toBe(false);
        expect(await three.lockHolder(KEY, ALL)).not.toBeNull();
        expect(await three.lockHolder(KEY + 2n, ALL)).toBeNull();
        expect(await three.tryLock(ALL)).toBe(false);
        expect(await three.lockHolder(ALL)).not.toBeNull();
        await one.unlock(KEY, ALL);
        expect(await three.tryLock(ALL)).toBe(false);
        await two.unlock(KEY + 1n, ALL);
        expect(await three.tryLock(ALL)).toBe(true);
        expect(await one.tryLock(KEY, ALL)).toBe(false);
        expect(await one.lockHolder(KEY, ALL)).not.toBeNull();
        await three.unlock(ALL);
        expect(await one.tryLock(KEY, ALL)).toBe(true);
      });

      it('is not to be had alone while a statement of one of those who shared it still runs', async () => {
        const one = await open();
        const [two, three] = [await openDb(), await openDb()];
        const ALL = KEY + 100n;
        await two.execute([{ statements: ['CREATE TABLE orphan (id int)'] }]);
        expect(await one.db.tryLock(KEY, ALL)).toBe(true);
        const sleepMs = subject.lockOutlivesDeathMs + 2_000;
        one.db
          .executeOutside(`INSERT INTO orphan SELECT 1 FROM pg_sleep(${sleepMs / 1000})`, {})
          .catch(() => {});
        await expect.poll(() => isSleeping('INSERT INTO orphan ')).toBe(true);
        await one.kill();
        for (; ; await sleep(150)) {
          const both = await two.tryLock(KEY, ALL);
          if (both) await two.unlock(KEY, ALL);
          const all = await two.tryLock(ALL);
          if (all) await two.unlock(ALL);
          // Asked afterwards: a lock that was had while the statement ran must not pass because that ends meanwhile.
          if (!(await isSleeping('INSERT INTO orphan '))) break;
          expect([both, all]).toEqual([false, false]);
          expect(await three.tryLock(KEY + 1n, ALL)).toBe(true);
          await three.unlock(KEY + 1n, ALL);
        }
        await expect.poll(() => two.tryLock(ALL), { interval: 100 }).toBe(true);
        expect(await count('orphan')).toBe(1);
      });

      it('takes keys of the whole range', async () => {
        const [one, two] = [await openDb(), await openDb()];
        for (const key of [-1n, 0n, 2n ** 63n - 1n, -(2n ** 63n)]) {
          expect(await one.tryLock(key)).toBe(true);
          expect(await two.tryLock(key)).toBe(false);
          expect(await two.lockHolder(key)).not.toBeNull();
          await one.unlock(key);
        }
      });

      it('is had by one of many that ask at once', async () => {
        const runners = await Promise.all(Array.from({ length: 8 }, openDb));
        const had = await Promise.all(runners.map((db) => db.tryLock(KEY)));
        expect(had.filter(Boolean)).toHaveLength(1);
      });

      it('goes with its connection when that is closed', async () => {
        const [one, two] = [await openDb(), await openDb()];
        expect(await one.tryLock(KEY)).toBe(true);
        await one.close();
        await expect.poll(() => two.tryLock(KEY)).toBe(true);
      });

      it('is free again some time after its holder died', async () => {
        const one = await open();
        const two = await openDb();
        expect(await one.db.tryLock(KEY)).toBe(true);
        await one.kill();
        await expect.poll(() => two.tryLock(KEY), { interval: 100 }).toBe(true);
      });

      it('is not to be had while a statement of a holder that died still runs; that is named', async () => {
        const one = await open();
        const two = await openDb();
        await two.execute([{ statements: ['CREATE TABLE orphaned (id int)'] }]);
        expect(await one.db.tryLock(KEY)).toBe(true);
        const sleepMs = subject.lockOutlivesDeathMs + 2_000;
        const work = one.db.executeOutside(
          `INSERT INTO orphaned SELECT 1 FROM pg_sleep(${sleepMs / 1000})`,
          {},
        );
        work.catch(() => {});
        await expect.poll(() => isSleeping('INSERT INTO orphaned ')).toBe(true);
        await one.kill();
        const named: unknown[] = [];
        for (; ; await sleep(150)) {
          const had = await two.tryLock(KEY);
          if (had) await two.unlock(KEY);
          const holder = await two.lockHolder(KEY);
          if (!(await isSleeping('INSERT INTO orphaned '))) break;
          expect(had).toBe(false);
          named.push(holder);
        }
        for (const holder of named) expect(holder).toMatchObject({ state: 'active', command: 'INSERT INTO' });
        expect(named.length).toBeGreaterThan(0);
        await expect.poll(() => two.tryLock(KEY), { interval: 100 }).toBe(true);
        expect(await count('orphaned')).toBe(1);
      });

      it('stops its holder when it is lost', async () => {
        const db = await openDb();
        expect(await db.tryLock(KEY)).toBe(true);
        const holder = await db.lockHolder(KEY);
        await direct.query('SELECT pg_terminate_backend($1)', [holder!.pid]);
        await sleep(1_200);
        await expect(
          db.execute([{ statements: ['CREATE TABLE never_made (id int)'] }]),
        ).rejects.toBeInstanceOf(ConnectionLostError);
        await expect(db.executeOutside('SELECT 1', {})).rejects.toBeInstanceOf(ConnectionLostError);
        await expect(db.query('SELECT 1')).rejects.toBeInstanceOf(ConnectionLostError);
        expect((await direct.query("SELECT to_regclass('never_made') AS found")).rows[0].found).toBeNull();
      });
    });

    it('tells a lost connection from a failed statement', async () => {
      const db = await openDb();
      const running = db.query("SELECT pg_sleep(20)::text AS slept, 'terminate me' AS mark").catch((e) => e);
      await expect
        .poll(
          async () =>
            (
              await direct.query(
                `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND query LIKE '%terminate me%' AND state = 'active' AND pid <> pg_backend_pid()`,
              )
            ).rowCount,
          { interval: 50 },
        )
        .toBe(1);
      const failure = await running;
      expect(failure).toBeInstanceOf(ConnectionLostError);
      expect(failure.reason).toBe('57P01');
    });

    it('closes twice, and is of no use then', async () => {
      const db = await openDb();
      await db.close();
      await db.close();
      await expect(db.query('SELECT 1')).rejects.toBeInstanceOf(ConnectionLostError);
      await expect(db.execute([{ statements: ['SELECT 1'] }])).rejects.toBeInstanceOf(ConnectionLostError);
    });
  });
}
