/** A table that an idle transaction holds: nobody is kept waiting for longer than one attempt. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { LockMode } from '../../../lambda/contract/locks';
import type { Manifest } from '../../../lambda/contract/manifest';
import { connect, createDatabase } from '../../support/database';
import { run, runUntil, waitedFor } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

const lock = (relation: string, mode: LockMode) => ({ relation, mode, created: false });

const change = manifestOf(
  migration('0001_change', {
    up: [{ sql: 'ALTER TABLE busy ADD COLUMN extra int', locks: [lock('busy', 'ACCESS EXCLUSIVE')] }],
    verify: "SELECT * FROM trueup.has_column('busy', 'extra')",
  }),
);
/** Takes its locks on both tables, on the other one first. */
const reference = manifestOf(
  migration('0001_reference', {
    up: [
      {
        sql: 'ALTER TABLE busy ADD FOREIGN KEY (ref) REFERENCES another (id) NOT VALID',
        locks: [lock('busy', 'SHARE ROW EXCLUSIVE'), lock('another', 'SHARE ROW EXCLUSIVE')],
      },
    ],
  }),
);

/** Idle transactions whose lock is in the way; the two modes differ in what they let through. */
const CASES: [mode: LockMode, idle: string, held: string, manifest: Manifest][] = [
  ['ACCESS EXCLUSIVE', 'SELECT * FROM busy', 'AccessShareLock', change],
  ['SHARE ROW EXCLUSIVE', 'INSERT INTO busy (n) VALUES (2)', 'RowExclusiveLock', reference],
];

describe.each(CASES)('%s', (_, sql, held, manifest) => {
  const prepared = async () => {
    const url = await createDatabase();
    const admin = await connect(url);
    await admin.query(
      'CREATE TABLE another (id int PRIMARY KEY); CREATE TABLE busy AS SELECT 1 AS n, NULL::int AS ref',
    );
    const idle = await connect(url);
    await idle.query('BEGIN');
    await idle.query(sql);
    return { url, idle };
  };

  test('readers and writers go on, the blocker is named, and the run ends when it is gone', async () => {
    const { url, idle } = await prepared();
    const running = run(url, manifest);
    const longestMs = { busy: 0, another: 0 };
    const until = Date.now() + 3_000;
    const load = async (table: keyof typeof longestMs, sql: string): Promise<void> => {
      const client = await connect(url);
      while (Date.now() < until) {
        const began = Date.now();
        await client.query(sql);
        longestMs[table] = Math.max(longestMs[table], Date.now() - began);
        await sleep(5);
      }
    };
    await Promise.all([
      load('busy', 'SELECT * FROM busy'),
      load('busy', 'UPDATE busy SET n = n + 1'),
      load('another', 'SELECT * FROM another'),
      load('another', 'INSERT INTO another SELECT coalesce(max(id), 0) + 1 FROM another'),
    ]);
    await idle.query('COMMIT');
    const { outcome, events } = await running;
    expect(outcome.status).toBe('done');
    const waits = events.filter((e) => e.type === 'waiting' && e.for === 'lock');
    expect(waits.length).toBeGreaterThan(1);
    expect(waits[0]).toMatchObject({
      message: expect.stringMatching(new RegExp(`idle in transaction.* holds ${held} on busy`)),
    });
    // The promise is a time: one attempt's lock timeout, half a second, and what this machine adds, also without a lock.
    expect(longestMs.busy).toBeLessThan(1_000 + 2 * longestMs.another);
  });

  test('still held at the deadline: continue, and nothing is changed', async () => {
    const { url, idle } = await prepared();
    const { outcome } = await runUntil(waitedFor('lock-timeout'), url, manifest, {}, 1_500);
    expect(outcome).toMatchObject({
      status: 'continue',
      waitingFor: { code: 'lock-timeout', details: [expect.stringMatching(/^pid \d+/)] },
    });
    await idle.query('ROLLBACK');
  });
});
