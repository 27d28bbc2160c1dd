/** Ctrl-C, and what is left on standard output by then. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../../lambda/contract/converge';
import { runUntilDone } from '../../../lib/cli/until-done';
import { connect, createDatabase } from '../../support/database';
import { cleanEnvironment, command, start } from '../trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const TABLE = `-- migrate:up
CREATE TABLE customers (id uuid PRIMARY KEY, email text);
-- migrate:verify
SELECT trueup.has_table('customers');
SELECT 'there is a customer' FROM customers;
`;
const INDEX = `-- migrate:up
CREATE INDEX CONCURRENTLY customers_email ON customers (email);
-- migrate:verify
SELECT trueup.is_indexed('customers', '{email}');
`;
const SLOW = `-- migrate:up
DO $$ BEGIN PERFORM pg_sleep(30); END $$;
-- migrate:no-verify a test
-- migrate:consent destroys a test
`;

function folderOf(files: Record<string, string>): string {
  const folder = join(mkdtempSync(join(scratch, 'f-')), 'shop');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const startTrueup = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  start(process.execPath, [...command(), ...args], { env: cleanEnvironment(env) });

const DOCUMENT = {
  error: { code: 'interrupted', message: 'stopped with Ctrl-C', remedy: expect.any(String) },
};

test('the second Ctrl-C leaves at once, and with --json there is a document even then', async () => {
  const url = await createDatabase();
  const { child, output, ended } = startTrueup(['up', folderOf({ '0001_slow.sql': SLOW }), '--json'], {
    DATABASE_URL: url,
  });
  await until(url, 'PgSleep');
  child.kill('SIGINT');
  while (!output.stderr.includes('press Ctrl-C again')) await sleep(20);
  child.kill('SIGINT');
  const { code, stdout } = await ended;
  expect(JSON.parse(stdout)).toEqual(DOCUMENT);
  expect(code).toBe(130);
});

test('a question that is stopped answers with a document too', async () => {
  const url = await createDatabase();
  const folder = folderOf({ '0001_table.sql': TABLE });
  await startTrueup(['up', folder], { DATABASE_URL: url }).ended;
  await (await connect(url)).query('BEGIN; LOCK customers');
  const { child, ended } = startTrueup(['verify', folder, '--json'], { DATABASE_URL: url });
  await until(url, 'relation');
  child.kill('SIGINT');
  const { code, stdout } = await ended;
  expect(JSON.parse(stdout)).toEqual(DOCUMENT);
  expect(code).toBe(130);
});

test.each([[[]], [['--json']]])(
  'check --run %j says nothing of its own server that is gone',
  async (json) => {
    const folder = folderOf({ '0001_table.sql': TABLE, '0002_index.sql': INDEX, '0003_slow.sql': SLOW });
    const { child, output, ended } = startTrueup(['check', '--run', folder, ...json]);
    while (!output.stderr.includes('0002_index')) await sleep(20);
    await sleep(500);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect(stderr).not.toMatch(/waiting|error/);
    if (json.length > 0) expect(JSON.parse(stdout)).toEqual(DOCUMENT);
    else expect(stdout).toBe('');
    expect(code).toBe(130);
  },
);

test('before the first step, the interrupt is the reason and not the time', async () => {
  const report = {} as ConvergeOutcome['report'];
  const ended = await runUntilDone(
    async () => ({ status: 'continue', progress: 'the time budget ran out before 0001_a', report }),
    { id: 'cli-1', timeoutMs: 60_000, interrupt: { asked: true, release: () => {} } },
  );
  expect(ended).toEqual({
    cut: 'interrupt',
    outcome: { status: 'continue', progress: 'it was interrupted before 0001_a', report },
  });
});

/** A session of the program waits for this (pg_stat_activity.wait_event). */
async function until(url: string, event: string): Promise<void> {
  const client = await connect(url);
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = '${event}'`;
  while ((await client.query(waiting)).rowCount === 0) await sleep(20);
}
