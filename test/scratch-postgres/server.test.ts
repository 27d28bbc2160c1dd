import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../../lib/scratch-postgres/server';

async function answer(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return Object.values((await client.query(sql)).rows[0])[0];
  } finally {
    await client.end();
  }
}

test('keeps its data over a crash, and leaves nothing after stop', async () => {
  const server = await startPostgres();
  await answer(server.url(), 'CREATE TABLE kept AS SELECT 1 AS n').catch(() => {});
  await server.restart('immediate');
  expect(await answer(server.url(), 'SELECT n FROM kept')).toBe(1);
  await server.stop();
  expect(existsSync(join(server.dataDirectory, '..'))).toBe(false);
  await server.stop();
});

test('a client that connects again and again during recovery does not make a good start look like a failed one', async () => {
  const server = await startPostgres({ settings: { max_wal_size: '4GB' } });
  // What recovery has to repeat.
  await answer(
    server.url(),
    "CREATE TABLE work AS SELECT n, repeat('x', 100) AS filler FROM generate_series(1, 500000) n; SELECT 1",
  ).catch(() => {});
  await server.stopServer('immediate');
  const before = readFileSync(server.logFile, 'utf8').length;
  let over = false;
  const impatient = (async () => {
    while (!over) {
      await answer(server.url(), 'SELECT 1').catch(() => {});
      await answer(server.url('postgres', 'postgres', 'wrong'), 'SELECT 1').catch(() => {});
      await sleep(1);
    }
  })();
  await server.startServer();
  over = true;
  await impatient;
  expect(await answer(server.url(), 'SELECT count(*)::int FROM work')).toBe(500_000);
  const log = readFileSync(server.logFile, 'utf8').slice(before);
  expect(log).toMatch(/FATAL: +the database system is (starting up|not yet accepting|in recovery)/);
  await server.stop();
});

test('starts again while a process of the stopped server still ends', async () => {
  const server = await startPostgres();
  const client = new Client({ connectionString: server.url() });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const { pid } = rows[0]!;
  process.kill(pid, 'SIGSTOP');
  const postmaster = readFileSync(join(server.dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0];
  process.kill(Number(postmaster), 'SIGKILL');
  await server.stopServer();
  const started = server.startServer();
  await expect.poll(() => readFileSync(server.logFile, 'utf8')).toContain('is still in use');
  process.kill(pid, 'SIGCONT');
  await started;
  expect(await answer(server.url(), 'SELECT 1 AS n')).toBe(1);
  await server.stop();
});

test('says why it does not start, and does not wait for that', async () => {
  // Five attempts that wait would take longer than a test may.
  await expect(startPostgres({ settings: { shared_preload_libraries: 'nowhere' } })).rejects.toThrow(
    /did not start:(.|\n)*FATAL: +could not access file "nowhere"/,
  );
});

test('refuses a login without the password', async () => {
  const server = await startPostgres();
  await expect(answer(server.url('postgres', 'postgres', 'wrong'), 'SELECT 1')).rejects.toMatchObject({
    code: '28P01',
  });
  await server.stop();
});

test('ends with its process, even when that is killed', async () => {
  const script = `require('tsx/cjs');
    require('./lib/scratch-postgres/server').startPostgres().then((s) => console.log(s.dataDirectory));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const folder = await new Promise<string>((line) =>
    child.stdout.once('data', (text) => line(String(text).trim())),
  );
  expect(existsSync(folder)).toBe(true);
  child.kill('SIGKILL');
  await expect.poll(() => existsSync(folder)).toBe(false);
});

test('says what to do when a major is not installed', async () => {
  await expect(startPostgres({ major: 9 })).rejects.toThrow(/There is no embedded PostgreSQL 9 .*npm ci/);
});
