import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectDataApi, type DataApiOptions } from '../../../lambda/postgres/data-api/database';
import { MAX_STATEMENT_LENGTH } from '../../../lambda/postgres/data-api/limits';
import {
  ConnectionLostError,
  type Database,
  SqlError,
  StillRunningError,
} from '../../../lambda/postgres/database';
import { type DataApiEndpoint, startDataApi } from '../../support/aws/data-api';
import { connect as connectDirectly, createDatabase } from '../../support/database';

/** What only the Data API does: its limits, its calls that end before their statement, its cluster that sleeps. */
describe('Data API transport', () => {
  const CALL_MS = 700;
  let endpoint: DataApiEndpoint;
  let direct: Client;
  let options: DataApiOptions;
  const opened: Database[] = [];

  const open = async (more: Partial<DataApiOptions> = {}): Promise<Database> => {
    const db = await connectDataApi({ ...options, ...more });
    opened.push(db);
    return db;
  };

  beforeAll(async () => {
    const url = await createDatabase();
    direct = await connectDirectly(url);
    const { hostname, port, username, password, pathname } = new URL(url);
    endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
      secrets: { 'arn:wrong-password': { username, password: 'wrong' } },
      limits: { callMs: CALL_MS, idleTransactionMs: 2_000 },
    });
    const { clusterArn, secretArn, clientConfig } = endpoint;
    options = { clusterArn, secretArn, database: pathname.slice(1), clientConfig, patienceMs: 2_000 };
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()));
  });
  afterAll(() => endpoint.close());

  describe('connecting', () => {
    it('waits for a cluster that resumes', async () => {
      endpoint.pauseDatabase(800);
      const asked = () => Object.values(endpoint.calls).reduce((sum, n) => sum + n, 0);
      const before = asked();
      const db = await open();
      expect(asked() - before).toBeGreaterThan(2);
      expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    it('gives up on one that does not resume, with a reason that passes', async () => {
      endpoint.pauseDatabase(60_000);
      const failure = await open({ patienceMs: 600 }).catch((error) => error);
      endpoint.pauseDatabase(0);
      expect(failure).toBeInstanceOf(ConnectionLostError);
      expect(failure.reason).toBe('08001');
      expect(failure.message).toContain('resuming after being auto-paused');
    });

    it.each([
      [
        'a wrong ARN',
        { clusterArn: 'arn:aws:rds:us-east-1:0:cluster:Local' },
        'HttpEndpointNotEnabledException',
        /ARN is not exact/,
      ],
      ['an unknown secret', { secretArn: 'arn:nothing' }, 'SecretsErrorException', /secret cannot be read/],
      ['a wrong password', { secretArn: 'arn:wrong-password' }, '28P01', /password authentication failed/],
      ['a missing database', { database: 'nowhere' }, '3D000', /"nowhere" does not exist/],
    ] as const)('says what is wrong with %s', async (_, change, reason, words) => {
      const failure = await open(change).catch((error) => error);
      expect(failure).toBeInstanceOf(ConnectionLostError);
      expect(failure.reason).toBe(reason);
      expect(failure.message).toMatch(words);
    });

    it('says that the caller is not allowed', async () => {
      endpoint.failNext('AccessDeniedException', 'User: arn:aws:… is not authorized', { status: 403 });
      await expect(open()).rejects.toMatchObject({ reason: 'AccessDeniedException' });
    });

    it('says that nobody listens', async () => {
      const failure = await open({
        clientConfig: { ...endpoint.clientConfig, endpoint: 'http://127.0.0.1:1' },
      }).catch((error) => error);
      expect(failure).toBeInstanceOf(ConnectionLostError);
      expect(failure.reason).toBe('ECONNREFUSED');
    });
  });

  it('repeats what was refused before it ran, and nothing else', async () => {
    const db = await open();
    await db.query('CREATE TABLE repeated (id int)');
    endpoint.failNext('ThrottlingException', 'slow down', { times: 2 });
    await db.query('INSERT INTO repeated VALUES (1)');
    endpoint.failNext('InternalServerErrorException', 'oops', { status: 500 });
    await expect(db.query('INSERT INTO repeated VALUES (2)')).rejects.toBeInstanceOf(ConnectionLostError);
    expect((await direct.query('SELECT id FROM repeated')).rows).toEqual([{ id: 1 }]);
  });

  it('says that a statement is too long before it is sent', async () => {
    const db = await open();
    const tooLong = `SELECT '${'x'.repeat(MAX_STATEMENT_LENGTH)}'`;
    const before = { ...endpoint.calls };
    await expect(db.query(tooLong)).rejects.toMatchObject({ sqlstate: '54000' });
    await expect(db.execute([{ statements: ['SELECT 1', tooLong] }])).rejects.toMatchObject({
      sqlstate: '54000',
      transaction: 0,
      statement: 1,
    });
    expect(endpoint.calls['/CommitTransaction']).toBe(before['/CommitTransaction']);
    const longest = `SELECT ''${' '.repeat(MAX_STATEMENT_LENGTH - 9)}`;
    await db.tryLock(7n);
    expect(await db.execute([{ statements: [longest] }])).toEqual([[1]]);
  });

  it('says which result the service does not return', async () => {
    const db = await open();
    await expect(db.query('SELECT 1::oid AS o')).rejects.toMatchObject({ sqlstate: '0A000' });
    await expect(db.query(`SELECT repeat('x', 70000) AS wide`)).rejects.toMatchObject({ sqlstate: '0A000' });
    await expect(
      db.query(`SELECT repeat('x', 60000) AS wide FROM generate_series(1, 20)`),
    ).rejects.toMatchObject({ sqlstate: '0A000' });
  });

  it('sees to it that transactions do not depend on what a role or database has set', async () => {
    const { rows } = await direct.query('SELECT current_database() AS name');
    const settings = {
      default_transaction_isolation: 'repeatable read',
      lock_timeout: '5s',
      statement_timeout: '9s',
      idle_in_transaction_session_timeout: '300ms',
      TimeZone: 'Asia/Tokyo',
    };
    for (const [name, value] of Object.entries(settings)) {
      await direct.query(`ALTER DATABASE ${rows[0].name} SET ${name} = '${value}'`);
    }
    try {
      const db = await open({ keepAliveMs: 900 });
      await db.execute([
        {
          statements: [
            "CREATE TABLE defaults AS SELECT name, setting FROM pg_settings WHERE name IN ('transaction_isolation', 'lock_timeout', 'statement_timeout', 'TimeZone')",
          ],
        },
      ]);
      const seen = await direct.query('SELECT name, setting FROM defaults ORDER BY name');
      expect(Object.fromEntries(seen.rows.map((row) => [row.name, row.setting]))).toEqual({
        TimeZone: 'UTC',
        lock_timeout: '0',
        statement_timeout: '0',
        transaction_isolation: 'read committed',
      });
      // The lock outlives the database's idle limit, and keeps no snapshot.
      expect(await db.tryLock(11n)).toBe(true);
      await sleep(700);
      await db.execute([{ statements: ['CREATE TABLE while_locked (id int)'] }]);
      await db.executeOutside('CREATE INDEX CONCURRENTLY while_locked_id ON while_locked (id)', {});
    } finally {
      for (const name of Object.keys(settings)) {
        await direct.query(`ALTER DATABASE ${rows[0].name} RESET ${name}`);
      }
    }
  });

  describe('a statement that outlives its call', () => {
    it('outside a transaction goes on; that it ended is said, how is not known', async () => {
      const db = await open();
      await db.query('CREATE TABLE outlived (id int)');
      const failure = await db
        .executeOutside('INSERT INTO outlived SELECT 1 FROM pg_sleep(1.6)', {})
        .catch((error) => error);
      expect(failure).toBeInstanceOf(ConnectionLostError);
      expect(failure.reason).toBe('08007');
      expect((await direct.query('SELECT count(*)::int AS n FROM outlived')).rows).toEqual([{ n: 1 }]);
      // The transport itself is as good as before.
      expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    it('and its deadline is left to the server', async () => {
      const db = await open();
      await expect(
        db.executeOutside('SELECT pg_sleep(30)::text', {}, { deadline: Date.now() + 2_500 }),
      ).rejects.toBeInstanceOf(StillRunningError);
    });

    it('in a transaction is waited for, and the transaction is committed', async () => {
      const db = await open();
      const affected = await db.execute([
        {
          statements: [
            'CREATE TABLE waited_for (id int)',
            'DO $$ BEGIN PERFORM pg_sleep(1.6); END $$',
            'INSERT INTO waited_for VALUES (1)',
          ],
        },
      ]);
      expect(affected).toEqual([[0, 0, 1]]);
      expect((await direct.query('SELECT id FROM waited_for')).rows).toEqual([{ id: 1 }]);
    });

    it('and fails in a transaction: nothing of it stays', async () => {
      const db = await open();
      const failure = await db
        .execute([
          {
            statements: [
              'CREATE TABLE failed_late (id int)',
              "DO $$ BEGIN PERFORM pg_sleep(1.2); RAISE EXCEPTION 'late'; END $$",
            ],
          },
        ])
        .catch((error) => error);
      expect(failure).toBeInstanceOf(ConnectionLostError);
      expect(failure.reason).toBe('08003');
      expect((await direct.query("SELECT to_regclass('failed_late') AS t")).rows[0].t).toBeNull();
    });

    it('and is ended by its own limit: that is the error, not that the transaction is gone', async () => {
      const db = await open();
      for (const limit of ['SET LOCAL statement_timeout = 1500', "SET LOCAL statement_timeout = '1500ms'"]) {
        const failure = await db
          .execute([{ statements: [limit, 'SELECT pg_sleep(4)::text'] }])
          .catch((error) => error);
        expect(failure).toBeInstanceOf(SqlError);
        expect(failure).toMatchObject({ sqlstate: '57014', statement: 1 });
      }
    });

    it('changes rows whose number nobody can know: it is undone rather than counted wrongly', async () => {
      const db = await open();
      await db.query('CREATE TABLE uncounted (id int)');
      const failure = await db
        .execute([{ statements: ['INSERT INTO uncounted SELECT 1 FROM pg_sleep(1.2)'] }])
        .catch((error) => error);
      expect(failure).toBeInstanceOf(SqlError);
      expect(failure).toMatchObject({ sqlstate: '57014', statement: 0 });
      expect((await direct.query('SELECT count(*)::int AS n FROM uncounted')).rows).toEqual([{ n: 0 }]);
    });

    it('is ended at the deadline in a transaction, and leaves no lock behind', async () => {
      const db = await open();
      await db.query('CREATE TABLE held (id int)');
      await expect(
        db.execute([{ statements: ['LOCK TABLE held', 'SELECT pg_sleep(30)::text'] }], {
          deadline: Date.now() + 2_500,
        }),
      ).rejects.toBeInstanceOf(StillRunningError);
      const left = await direct.query(
        "SELECT 1 FROM pg_locks WHERE relation = 'held'::regclass AND mode = 'AccessExclusiveLock'",
      );
      expect(left.rowCount).toBe(0);
    });

    it('is ended by the service where it is a query', async () => {
      const db = await open();
      await expect(db.query('SELECT pg_sleep(2)::text')).rejects.toMatchObject({ sqlstate: '57014' });
    });
  });

  it('tells the first error of a transaction that reads, whatever is asked after it', async () => {
    const db = await open();
    const errors: unknown[] = [];
    await db.inReadOnlyTransaction(
      async (reads) => {
        for (const sql of ['SELECT pg_sleep(5)::text', 'SELECT 1 AS one', 'SELECT 2 AS two'])
          errors.push(await reads.query(sql).catch((error) => error));
      },
      { settings: { statement_timeout: '200' } },
    );
    expect(errors).toEqual([
      expect.objectContaining({ sqlstate: '57014' }),
      expect.objectContaining({ sqlstate: '57014' }),
      expect.objectContaining({ sqlstate: '57014' }),
    ]);
  });

  it('keeps the lock while it works longer than the service keeps an idle transaction', async () => {
    const [db, other] = [await open({ keepAliveMs: 400 }), await open()];
    expect(await db.tryLock(42n)).toBe(true);
    for (const end = Date.now() + 3_000; Date.now() < end; await sleep(250)) {
      expect(await other.tryLock(42n)).toBe(false);
    }
    await db.execute([{ statements: ['SELECT 1'] }]);
  });

  it('notices that its lock expired, and stops', async () => {
    const db = await open({ keepAliveMs: 60_000 });
    expect(await db.tryLock(43n)).toBe(true);
    await sleep(2_300);
    const failure = await db.execute([{ statements: ['CREATE TABLE unlocked (id int)'] }]).catch((e) => e);
    expect(failure).toBeInstanceOf(ConnectionLostError);
    expect(failure).toMatchObject({ reason: '08006' });
    expect(failure.message).toContain('the runner lock was lost');
    expect((await direct.query("SELECT to_regclass('unlocked') AS t")).rows[0].t).toBeNull();
  });
});
