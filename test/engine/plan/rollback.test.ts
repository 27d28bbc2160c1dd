import { describe, expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import { connect, createDatabase, majors } from '../../support/database';
import { dumpCatalog } from '../../support/dump-catalog';
import { run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

const owner = { account: '1', region: 'eu-west-1', stackName: 'app' };
const base = migration('0001_base', {
  up: ['CREATE TABLE base (id uuid PRIMARY KEY, note text NOT NULL)'],
  verify: "SELECT 'no base' WHERE to_regclass('base') IS NULL",
});
const answer = (n: number) =>
  migration('R__answer', {
    up: [`CREATE OR REPLACE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT ${n}'`],
  });
const harmless = migration('0002_default', {
  up: [
    'ALTER TABLE base ALTER id SET DEFAULT gen_random_uuid()',
    'ALTER TABLE base ALTER note DROP NOT NULL',
  ],
  down: ['ALTER TABLE base ALTER id DROP DEFAULT', 'ALTER TABLE base ALTER note SET NOT NULL'].map((sql) => ({
    sql,
    locks: [{ relation: 'base', mode: 'ACCESS EXCLUSIVE', created: false }],
  })),
});
const concurrently = migration('0003_index', {
  up: [
    {
      sql: 'CREATE INDEX CONCURRENTLY base_note ON base (note)',
      execution: 'non-transactional',
      target: {
        kind: 'index',
        action: 'create',
        name: 'base_note',
        schema: null,
        table: 'base',
        unique: false,
      },
    },
  ],
  down: [{ sql: 'DROP INDEX CONCURRENTLY base_note', execution: 'non-transactional' }],
});
const byName = migration('0004_extra', {
  up: ['CREATE TABLE extra ()'],
  down: ['DROP TABLE extra'],
  undo: 'by-name',
});
const broken = migration('0005_broken', { up: ['SELECT 1 / 0'] });

const old = manifestOf(base, answer(1));
const next = manifestOf(base, harmless, concurrently, byName, broken, answer(2));

const back = (change: Partial<ConvergeRequest> = {}): Partial<ConvergeRequest> => ({
  owner,
  direction: 'rollback',
  failed: { manifestHash: next.hash, reportedSuccess: false },
  ...change,
});

async function failedDeployment(major: number): Promise<string> {
  const url = await createDatabase(major);
  await up(url, old, { owner });
  const { outcome } = await run(url, next, { owner });
  expect(outcome).toMatchObject({ status: 'failed', error: { migration: '0005_broken', sqlstate: '22012' } });
  return url;
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('undoes what is harmless, keeps the rest, restores repeatables', async () => {
    const url = await createDatabase(major);
    await up(url, old, { owner });
    const client = await connect(url);
    const before = await dumpCatalog(client);
    const changed = manifestOf(base, harmless, concurrently, answer(2), broken);
    expect((await run(url, changed, { owner })).outcome.status).toBe('failed');
    expect(await dumpCatalog(client)).not.toEqual(before);
    const failed = { manifestHash: changed.hash, reportedSuccess: false as const };
    const { outcome } = await run(url, old, back({ failed }));
    expect(outcome).toMatchObject({
      status: 'done',
      report: {
        undone: ['0003_index', '0002_default'],
        kept: [],
        applied: ['R__answer'],
        position: '0001_base',
      },
    });
    expect(await dumpCatalog(client)).toEqual(before);
  });

  test('what only a person may undo is kept and named', async () => {
    const url = await failedDeployment(major);
    const { outcome } = await run(url, old, back());
    expect(outcome).toMatchObject({
      status: 'done',
      report: {
        undone: ['0003_index', '0002_default'],
        kept: [{ name: '0004_extra', reason: expect.stringMatching(/a person names it/) }],
      },
    });
  });

  test('nothing is undone once the resource had reported success, or when that is not known', async () => {
    const url = await failedDeployment(major);
    for (const reportedSuccess of [true, 'unknown'] as const) {
      const failed = { manifestHash: next.hash, reportedSuccess };
      const { outcome } = await run(url, old, back({ failed }));
      expect(outcome).toMatchObject({ status: 'done', report: { undone: [] } });
      expect(outcome.report.kept.map((k) => k.name)).toEqual(['0002_default', '0003_index', '0004_extra']);
    }
  });

  test('a ledger that was changed in between is not trusted', async () => {
    const url = await failedDeployment(major);
    const client = await connect(url);
    await client.query(
      `UPDATE trueup.migrations SET down = replace(down, 'DROP DEFAULT', 'SET DEFAULT ''00000000-0000-0000-0000-000000000000''')
       WHERE name = '0002_default'`,
    );
    const { outcome } = await run(url, old, back());
    expect(outcome.report.undone).toEqual(['0003_index']);
    expect(outcome.report.kept).toContainEqual({
      name: '0002_default',
      reason: expect.stringMatching(/changed since/),
    });
  });

  test('entries that do not give the hash that CloudFormation names: everything stays', async () => {
    const url = await failedDeployment(major);
    const client = await connect(url);
    await client.query(
      `UPDATE trueup.deployments SET entries = jsonb_set(entries, '{3,class}', '"versioned/automatic"') WHERE outcome = 'failed'`,
    );
    const { outcome } = await run(url, old, back());
    expect(outcome.report.undone).toEqual([]);
    expect(outcome.report.kept[0]!.reason).toMatch(/do not produce the manifest hash/);
  });

  test('an older deployment is never undone', async () => {
    const url = await createDatabase(major);
    const two = manifestOf(base, harmless);
    await up(url, manifestOf(base), { owner });
    await up(url, two, { owner });
    const three = manifestOf(base, harmless, broken);
    await run(url, three, { owner });
    const failed = { manifestHash: three.hash, reportedSuccess: false as const };
    const { outcome } = await run(url, two, back({ failed }));
    expect(outcome.report).toMatchObject({ undone: [], kept: [] });
    // Another target than the newest deployment: kept.
    const other = await run(url, manifestOf(base), back({ failed: { ...failed, manifestHash: two.hash } }));
    expect(other.outcome.report).toMatchObject({ undone: [], kept: [{ name: '0002_default' }] });
  });

  test('the same event twice, and a late forward event after the rollback, change nothing more', async () => {
    const url = await failedDeployment(major);
    const first = await run(url, old, back({ id: 'rollback-1' }));
    const second = await run(url, old, back({ id: 'rollback-1' }));
    expect(second.outcome).toEqual(first.outcome);
    const client = await connect(url);
    const forward = (await client.query("SELECT id FROM trueup.deployments WHERE outcome = 'failed'")).rows[0]
      .id;
    const late = await run(url, next, { owner, id: forward });
    expect(late.outcome.status).toBe('failed');
    expect(
      (await client.query("SELECT state FROM trueup.migrations WHERE name = '0002_default'")).rows[0].state,
    ).toBe('undone');
    await client.query(
      `UPDATE trueup.deployments SET outcome = 'running', result = NULL WHERE id = '${forward}'`,
    );
    const stale = await run(url, next, { owner, id: forward });
    expect(stale.outcome).toMatchObject({ status: 'failed', error: { code: 'busy' } });
  });

  test('Delete leaves the schema alone; after a failed Create it undoes by the same rules', async () => {
    const url = await failedDeployment(major);
    const plain = await run(url, next, { owner, remove: true });
    expect(plain.outcome).toMatchObject({ status: 'done', report: { undone: [], kept: [] } });
    const fresh = await createDatabase(major);
    const first = manifestOf(base, harmless, broken);
    await run(fresh, first, { owner });
    const failed = { manifestHash: first.hash, reportedSuccess: false as const };
    const { outcome } = await run(fresh, first, back({ remove: true, failed }));
    expect(outcome.report).toMatchObject({ undone: ['0002_default'], kept: [{ name: '0001_base' }] });
  });

  test('a table that is held while rolling back: kept, never failed', async () => {
    const url = await createDatabase(major);
    await up(url, old, { owner });
    const changed = manifestOf(base, harmless, broken);
    await run(url, changed, { owner });
    const blocker = await connect(url);
    await blocker.query('BEGIN; LOCK TABLE base IN ACCESS SHARE MODE');
    const failed = { manifestHash: changed.hash, reportedSuccess: false as const };
    const { outcome } = await run(url, old, back({ failed }), { deadline: Date.now() + 3_000 });
    await blocker.query('ROLLBACK');
    expect(outcome).toMatchObject({ status: 'done', report: { undone: [] } });
    expect(outcome.report.kept).toMatchObject([
      { name: '0002_default', reason: expect.stringMatching(/waits for a lock: pid \d+/) },
    ]);
  });

  test('a newer ledger, another manifest, a database that is gone: success with a report', async () => {
    const url = await failedDeployment(major);
    const client = await connect(url);
    const stale = await run(url, old, { ...back(), manifestHash: 'f'.repeat(64) });
    expect(stale.outcome).toMatchObject({
      status: 'done',
      report: { warnings: [expect.stringMatching(/left the schema as it is.*manifest/)] },
    });
    await client.query('UPDATE trueup.ledger SET version = 99, readable_by = 99');
    const newer = await run(url, old, back());
    expect(newer.outcome).toMatchObject({
      status: 'done',
      report: { warnings: [expect.stringMatching(/newer Trueup/)] },
    });
    const gone = await run('postgres://nobody@127.0.0.1:1/none', old, back(), { connectPatienceMs: 500 });
    expect(gone.outcome).toMatchObject({
      status: 'done',
      report: { warnings: [expect.stringMatching(/nothing listens/)] },
    });
  });
});

test('a forward run refuses what belongs to another stack, and a newer ledger', async () => {
  const url = await createDatabase();
  await up(url, old, { owner });
  const other = { ...owner, stackName: 'other' };
  const refused = await run(url, old, { owner: other });
  expect(refused.outcome).toMatchObject({ status: 'failed', error: { code: 'ownership' } });
  await up(url, old, { owner: other, adopt: true });
  const client = await connect(url);
  await client.query('UPDATE trueup.ledger SET version = 99, readable_by = 1');
  await up(url, manifestOf(base, answer(3)), { owner: other });
  expect((await client.query('SELECT version FROM trueup.ledger')).rows[0].version).toBe(99);
  await client.query('UPDATE trueup.ledger SET readable_by = 99');
  expect((await run(url, old, { owner: other })).outcome).toMatchObject({
    status: 'failed',
    error: { code: 'ledger' },
  });
});

test('a rollback in several slices reports all that it undid', async () => {
  const url = await createDatabase();
  await up(url, manifestOf(base), { owner });
  const changed = manifestOf(base, harmless, concurrently, broken);
  await run(url, changed, { owner });
  const snapshot = await connect(url);
  // DROP INDEX CONCURRENTLY waits for it; the default has to wait for its turn.
  await snapshot.query('BEGIN; SELECT * FROM base');
  const failed = { manifestHash: changed.hash, reportedSuccess: false as const };
  const slice = (budgetMs: number) =>
    run(url, manifestOf(base), back({ id: 'in-slices', failed }), { deadline: Date.now() + budgetMs });
  expect((await slice(1_000)).outcome.status).toBe('continue');
  await snapshot.query('COMMIT');
  const { outcome } = await slice(20_000);
  expect(outcome).toMatchObject({
    status: 'done',
    report: { undone: expect.arrayContaining(['0003_index', '0002_default']) },
  });
});
