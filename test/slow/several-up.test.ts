/** `trueup up` many times at once, as init containers and a CI matrix do, with the real program. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { trueup } from '../cli/trueup';
import { connect, createDatabase } from '../support/database';
import { temporaryFolder } from '../support/processes';

/** @param seconds of each of ten files */
function folderOf(seconds: number): string {
  const folder = join(temporaryFolder(), 'several');
  mkdirSync(folder);
  for (let i = 1; i <= 10; i++) {
    const name = `${String(i).padStart(4, '0')}_step.sql`.replace('step', `step_${i}`);
    writeFileSync(
      join(folder, name),
      `-- Step ${i}.\n\n-- migrate:up\nCREATE TABLE t${i} (id int);\nSELECT pg_sleep(${seconds});\n\n-- migrate:verify\nSELECT trueup.has_table('t${i}');\n`,
    );
  }
  return folder;
}

async function upTogether(startsMs: readonly number[], seconds: number): Promise<void> {
  const url = await createDatabase();
  const folder = folderOf(seconds);
  const runs = await Promise.all(
    startsMs.map(async (ms) => {
      await sleep(ms);
      return trueup(['up', folder, '--database-url', url, '--json']);
    }),
  );
  expect(runs.map(({ code, stdout }) => (code === 0 ? 0 : stdout))).toEqual(startsMs.map(() => 0));
  // Which of them is the first to connect nobody knows.
  const counts = runs.map(
    ({ stdout }) => (JSON.parse(stdout) as { report: { applied: string[] } }).report.applied.length,
  );
  expect(Math.max(...counts)).toBe(10);
  const client = await connect(url);
  expect((await client.query('SELECT DISTINCT outcome FROM trueup.deployments')).rows).toEqual([
    { outcome: 'done' },
  ]);
  expect((await client.query("SELECT migration FROM trueup.events WHERE event = 'applied'")).rowCount).toBe(
    10,
  );
}

test('twenty at once', () => upTogether(Array(20).fill(0), 0.2));
test('a folder of forty seconds, started 1, 5 and 8 seconds after the first', () =>
  upTogether([0, 1_000, 5_000, 8_000], 4));
