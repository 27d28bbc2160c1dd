/**
 * Several versions of Trueup meet in one schema trueup: a newer one upgrades it, a rollback brings the older one back,
 * and other stacks keep their version. The next version is made up: it has a column more and changed functions.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { down, forgetBaseline, plan, readStatus, readTenantStatus, verify } from '../../../lambda/engine';
import {
  buildInstallSql,
  CURRENT_FORMAT,
  LEDGER_VERSION,
  type LedgerFormat,
} from '../../../lambda/engine/ledger/schema';
import { checkDrift } from '../../../lambda/migrate/drift';
import { connect, createDatabase, majors } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { manifestOf, migration, request } from '../../support/manifest';

const owner = { account: '111122223333', region: 'eu-west-1', stackName: 'shop' };
const base = migration('0001_base', {
  up: ['CREATE TABLE base (id int PRIMARY KEY, note text)'],
  verify: "SELECT * FROM trueup.has_column('base', 'note')",
});
const next = migration('0002_next', {
  up: ["ALTER TABLE base ALTER note SET DEFAULT ''"],
  down: ['ALTER TABLE base ALTER note DROP DEFAULT'],
  undo: 'automatic',
});
const old = manifestOf(base);
const newer = manifestOf(base, next);

const NEXT_FORMAT: LedgerFormat = {
  ...CURRENT_FORMAT,
  version: LEDGER_VERSION + 1,
  tables: [
    ...CURRENT_FORMAT.tables,
    'ALTER TABLE trueup.migrations ADD COLUMN IF NOT EXISTS reviewer text',
    'CREATE TABLE IF NOT EXISTS trueup.reviews (number int PRIMARY KEY)',
  ],
  verification: CURRENT_FORMAT.verification + 1,
  functions: [
    ...CURRENT_FORMAT.functions,
    "CREATE OR REPLACE FUNCTION trueup._of_next() RETURNS text LANGUAGE sql AS $$ SELECT 'next' $$",
  ],
};

/** Installs the next version, as its first run does. */
async function upgrade(url: string, format: LedgerFormat): Promise<void> {
  const client = await connect(url);
  await client.query(`BEGIN; ${buildInstallSql(CURRENT_FORMAT.verification, format).join(';\n')}; COMMIT`);
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('the next version upgrades the ledger; this one rolls back, reads and migrates with it', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await up(url, old, { owner });
    await upgrade(url, NEXT_FORMAT);
    await up(url, newer, { id: 'newer', owner });
    await client.query(
      `UPDATE trueup.migrations SET reviewer = 'Ann';
       UPDATE trueup.deployments SET outcome = 'failed' WHERE id = 'newer'`,
    );

    const back = await up(url, old, {
      id: 'back',
      owner,
      direction: 'rollback',
      failed: { manifestHash: newer.hash, reportedSuccess: false },
    });
    expect(back.report).toMatchObject({ undone: ['0002_next'], kept: [], warnings: [] });
    expect(await verify(contextFor(url, old), 'app')).toMatchObject({ verified: ['0001_base'], errors: [] });
    expect((await readStatus(contextFor(url, old), 'app')).ledgerVersion).toBe(NEXT_FORMAT.version);
    expect((await up(url, newer, { id: 'again', owner })).report.applied).toEqual(['0002_next']);
    expect(
      (await up(url, manifestOf(migration('0001_other')), { id: 'other', namespace: 'other' })).status,
    ).toBe('done');

    const { rows } = await client.query(
      `SELECT version, readable_by, functions_version AS functions, trueup._of_next() AS added,
         (SELECT reviewer FROM trueup.migrations WHERE name = '0001_base') AS reviewer FROM trueup.ledger`,
    );
    expect(rows).toEqual([
      {
        version: NEXT_FORMAT.version,
        readable_by: 1,
        functions: NEXT_FORMAT.verification,
        added: 'next',
        reviewer: 'Ann',
      },
    ]);
  });

  test('a next version that this one cannot read stops it, except in a rollback', async () => {
    const url = await createDatabase(major);
    await up(url, old, { owner });
    await upgrade(url, { ...NEXT_FORMAT, minReader: NEXT_FORMAT.version });
    expect((await run(url, newer, { id: 'newer', owner })).outcome).toMatchObject({
      status: 'failed',
      error: { code: 'ledger', message: expect.stringMatching(/newer/) },
    });
    const back = await up(url, old, {
      id: 'back',
      owner,
      direction: 'rollback',
      failed: { manifestHash: newer.hash, reportedSuccess: false },
    });
    expect(back.report).toMatchObject({ undone: [], warnings: [expect.stringMatching(/newer Trueup/)] });
  });

  test('a ledger of an unreleased build is refused wherever it is read, with the way to continue', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(
      `CREATE TABLE base (id int PRIMARY KEY, note text);
       ${readFileSync(join(__dirname, '../../data/unreleased-ledger.sql'), 'utf8')}`,
    );
    const info = {
      code: 'ledger',
      message: expect.stringContaining('an unreleased build of Trueup'),
      remedy: expect.stringMatching(/`DROP SCHEMA trueup CASCADE`.*`trueup baseline`/),
    };
    const ctx = contextFor(url, old);
    expect((await run(url, old, { owner })).outcome).toMatchObject({ status: 'failed', error: info });
    expect(await plan(ctx, request(old)).catch((error) => error)).toMatchObject({ info });
    for (const read of [readStatus, verify, checkDrift])
      expect(await read(ctx, 'app').catch((error) => error)).toMatchObject({ info });
    expect(await readTenantStatus(ctx, request(old))).toMatchObject({ state: 'refused', error: info });
    const asked = { id: 'down', namespace: 'app', owner: null, name: '0001_base' };
    expect(await down(ctx, asked)).toMatchObject({ status: 'failed', error: info });
    expect(await forgetBaseline(ctx, asked)).toMatchObject({ status: 'failed', error: info });
    const back = await up(url, old, {
      owner,
      direction: 'rollback',
      failed: { manifestHash: newer.hash, reportedSuccess: false },
    });
    expect(back.report.warnings).toEqual([expect.stringContaining('an unreleased build of Trueup')]);

    await client.query('DROP SCHEMA trueup CASCADE');
    const recorded = await up(url, old, { baseline: '0001_base', baselineOnly: true });
    expect(recorded.report.baselined).toEqual(['0001_base']);
    expect((await client.query('SELECT version FROM trueup.ledger')).rows).toEqual([{ version: 1 }]);
  });
});
