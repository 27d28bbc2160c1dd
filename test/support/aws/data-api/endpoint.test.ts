import { setTimeout as sleep } from 'node:timers/promises';
import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementCommandInput,
  RDSDataClient,
} from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, createDatabase } from '../../database';
import { type DataApiEndpoint, type DataApiEndpointOptions, startDataApi } from './index';

/** The endpoint by itself, through the SDK: that it refuses what the service documents that it refuses. */
describe('local Data API endpoint', () => {
  let url: string;
  let server: DataApiEndpointOptions;
  let endpoint: DataApiEndpoint;
  let client: RDSDataClient;
  let names: { resourceArn: string; secretArn: string; database: string };

  const run = (sql: string, more: Partial<ExecuteStatementCommandInput> = {}) =>
    client.send(new ExecuteStatementCommand({ ...names, sql, ...more }));
  const begin = async () => (await client.send(new BeginTransactionCommand(names))).transactionId!;
  const commit = (transactionId: string) =>
    client.send(new CommitTransactionCommand({ ...names, transactionId }));

  beforeAll(async () => {
    url = await createDatabase();
    const { hostname, port, username, password, pathname } = new URL(url);
    server = { host: hostname, port: Number(port), secret: { username, password } };
    endpoint = await startDataApi({ ...server, limits: { callMs: 500, idleTransactionMs: 600 } });
    client = new RDSDataClient({ ...endpoint.clientConfig, maxAttempts: 1 });
    names = {
      resourceArn: endpoint.clusterArn,
      secretArn: endpoint.secretArn,
      database: pathname.slice(1),
    };
    await run('CREATE TABLE t (id int PRIMARY KEY)');
  });
  afterAll(async () => {
    client.destroy();
    await endpoint.close();
  });

  it('takes one statement a call', async () => {
    await expect(run('SELECT 1; SELECT 2')).rejects.toMatchObject({
      name: 'ValidationException',
      message: "Multistatements aren't supported.",
    });
    await expect(run('SELECT 1;')).resolves.toBeDefined();
  });

  it('takes 65,536 characters', async () => {
    await expect(run(`SELECT '${'x'.repeat(65_536 - 9)}'`)).resolves.toBeDefined();
    await expect(run(`SELECT '${'x'.repeat(65_536 - 8)}'`)).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });

  it('refuses the schema parameter, arrays, and a foreign ARN', async () => {
    await expect(run('SELECT 1', { schema: 'public' })).rejects.toMatchObject({
      name: 'ValidationException',
      message: "The schema parameter isn't supported",
    });
    const value = { arrayValue: { stringValues: ['a'] } };
    await expect(run('SELECT :a', { parameters: [{ name: 'a', value }] })).rejects.toMatchObject({
      name: 'BadRequestException',
    });
    await expect(run('SELECT 1', { resourceArn: 'arn:other' })).rejects.toMatchObject({
      name: 'HttpEndpointNotEnabledException',
    });
    await expect(run('SELECT 1', { secretArn: 'arn:other' })).rejects.toMatchObject({
      name: 'SecretsErrorException',
    });
  });

  it('gives parameters fixed types', async () => {
    const parameters = [{ name: 'a', value: { stringValue: '{1}' } }];
    await expect(run('SELECT 1 = ANY(:a)', { parameters })).rejects.toMatchObject({
      name: 'DatabaseErrorException',
      message: expect.stringMatching(/op ANY\/ALL \(array\) requires array .*; SQLState: 42809$/s),
    });
    const { records } = await run('SELECT 1 = ANY(:a::int[])', { parameters });
    expect(records).toEqual([[{ booleanValue: true }]]);
    const long = [{ name: 'a', value: { longValue: 1 } }];
    expect((await run('SELECT pg_typeof(:a)::text', { parameters: long })).records).toEqual([
      [{ stringValue: 'bigint' }],
    ]);
  });

  it('returns metadata only when asked, and no type that the service does not know', async () => {
    expect((await run('SELECT 1 AS a')).columnMetadata).toBeUndefined();
    const { columnMetadata } = await run('SELECT 1 AS a', { includeResultMetadata: true });
    expect(columnMetadata).toMatchObject([{ label: 'a', typeName: 'int4' }]);
    for (const sql of [
      'SELECT 1::oid',
      `SELECT 'a'::"char"`,
      "SELECT 'pg_class'::regclass",
      "SELECT '1 day'::interval",
      "SELECT '{{1},{2}}'::int[]",
    ]) {
      await expect(run(sql)).rejects.toMatchObject({ name: 'UnsupportedResultException' });
    }
    await run("CREATE TYPE mood AS ENUM ('good')");
    expect((await run("SELECT 'good'::mood")).records).toEqual([[{ stringValue: 'good' }]]);
  });

  it('words the errors of the server as the service does', async () => {
    await run('INSERT INTO t VALUES (1)');
    await expect(run('INSERT INTO t VALUES (1)')).rejects.toMatchObject({
      name: 'DatabaseErrorException',
      message:
        'ERROR: duplicate key value violates unique constraint "t_pkey"\n  Detail: Key (id)=(1) already exists.; SQLState: 23505',
    });
  });

  it('keeps nothing of a session between calls', async () => {
    await run("SET lock_timeout = '9s'");
    await run('SELECT pg_try_advisory_lock(5)');
    for (let i = 0; i < 4; i++) {
      const { records } = await run("SELECT current_setting('lock_timeout'), pg_try_advisory_lock(5)");
      expect(records).toEqual([[{ stringValue: '0' }, { booleanValue: true }]]);
    }
    const first = await run('SELECT pg_backend_pid()');
    const second = await run('SELECT pg_backend_pid()');
    expect(first.records).not.toEqual(second.records);
  });

  it('takes one call at a time on a transaction', async () => {
    // Without the short limits of the others: how long the call takes is up to the machine.
    const patient = await startDataApi(server);
    const own = new RDSDataClient({ ...patient.clientConfig, maxAttempts: 1 });
    const holder = await connect(url);
    try {
      const { transactionId } = await own.send(new BeginTransactionCommand(names));
      const runIn = (sql: string) => own.send(new ExecuteStatementCommand({ ...names, sql, transactionId }));
      const commitIt = () => own.send(new CommitTransactionCommand({ ...names, transactionId }));
      await holder.query('SELECT pg_advisory_lock(4711)');
      const slow = runIn('SELECT pg_advisory_xact_lock(4711)::text');
      const waits = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
      await expect.poll(async () => (await holder.query(waits)).rowCount).toBe(1);
      await expect(runIn('SELECT 1')).rejects.toMatchObject({
        name: 'DatabaseErrorException',
        message: 'Transaction is still running a query',
      });
      await holder.query('SELECT pg_advisory_unlock(4711)');
      await slow;
      await commitIt();
      await expect(commitIt()).rejects.toMatchObject({
        name: 'TransactionNotFoundException',
        message: expect.stringContaining('One previous call resulted in a termination of your transaction.'),
      });
    } finally {
      own.destroy();
      await patient.close();
    }
  });

  it('drops a transaction after an error, and after it was idle', async () => {
    const failed = await begin();
    await expect(run('SELECT nope', { transactionId: failed })).rejects.toMatchObject({
      name: 'DatabaseErrorException',
    });
    await expect(run('SELECT 1', { transactionId: failed })).rejects.toMatchObject({
      name: 'TransactionNotFoundException',
      message: expect.stringContaining('aborted due to an error from a previous call'),
    });
    const idle = await begin();
    await run('INSERT INTO t VALUES (77)', { transactionId: idle });
    await sleep(900);
    await expect(commit(idle)).rejects.toMatchObject({
      name: 'TransactionNotFoundException',
      message: expect.stringContaining('Transaction may be expired.'),
    });
    expect((await run('SELECT 1 FROM t WHERE id = 77')).records).toEqual([]);
  });

  it('ends a call in time, and the statement with it unless told to go on', async () => {
    const table = 'CREATE TABLE timed AS SELECT 1 AS n FROM pg_sleep(0.9)';
    const stopped = await run(table).catch((error) => error);
    expect(stopped.name).toBe('StatementTimeoutException');
    expect(stopped.dbConnectionId).toBeGreaterThan(0);
    await sleep(700);
    expect((await run("SELECT to_regclass('timed')::text")).records).toEqual([[{ isNull: true }]]);
    await expect(run(table, { continueAfterTimeout: true })).rejects.toMatchObject({
      name: 'StatementTimeoutException',
    });
    await expect
      .poll(async () => (await run("SELECT to_regclass('timed')::text")).records)
      .toEqual([[{ stringValue: 'timed' }]]);
  });

  it('limits what it returns', async () => {
    await expect(run("SELECT repeat('x', 65537)")).rejects.toMatchObject({
      name: 'UnsupportedResultException',
    });
    await expect(run("SELECT repeat('x', 60000) FROM generate_series(1, 18)")).rejects.toMatchObject({
      name: 'UnsupportedResultException',
      message: 'Database response exceeded size limit.',
    });
  });
});
