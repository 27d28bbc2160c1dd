import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../../lib/local/postgres-server';

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

test('refuses a login without the password', async () => {
  const server = await startPostgres();
  await expect(answer(server.url('postgres', 'postgres', 'wrong'), 'SELECT 1')).rejects.toMatchObject({
    code: '28P01',
  });
  await server.stop();
});

test('ends with its process, even when that is killed', async () => {
  const script = `require('tsx/cjs');
    require('./lib/local/postgres-server').startPostgres().then((s) => console.log(s.dataDirectory));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const folder = await new Promise<string>((line) =>
    child.stdout.once('data', (text) => line(String(text).trim())),
  );
  expect(existsSync(folder)).toBe(true);
  child.kill('SIGKILL');
  for (let i = 0; i < 100 && existsSync(folder); i++) await sleep(50);
  expect(existsSync(folder)).toBe(false);
});

test('says what to do when a major is not installed', async () => {
  await expect(startPostgres({ major: 9 })).rejects.toThrow(/There is no embedded PostgreSQL 9 .*npm ci/);
});
