/** A database that was there before Trueup: what a baseline only recorded is never undone by itself. */
import { describe, expect, test } from 'vitest';
import { down, readStatus } from '../../../lambda/engine';
import { connect, createDatabase, majors } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

const uniqueEmail = migration('0001_email', {
  up: ['CREATE UNIQUE INDEX users_email ON users (email)'],
  verify: "SELECT 'no index' WHERE to_regclass('users_email') IS NULL",
  down: ['DROP INDEX users_email'],
});
const extra = migration('0002_extra', { up: ['CREATE TABLE extra ()'], down: ['DROP TABLE extra'] });
const broken = migration('0003_broken', { up: ['SELECT 1 / 0'] });

const adopted = async () => {
  const url = await createDatabase();
  const client = await connect(url);
  await client.query('CREATE TABLE users (email text); CREATE UNIQUE INDEX users_email ON users (email)');
  const there = async (name: string) =>
    (await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [name])).rows[0].there;
  return { url, client, there };
};

test('a failed first deployment that had recorded what was there is undone without it', async () => {
  const { url, client, there } = await adopted();
  const manifest = manifestOf(uniqueEmail, extra, broken);
  const failed = await run(url, manifest, { id: 'create', baseline: '0001_email' });
  expect(failed.outcome).toMatchObject({ status: 'failed', report: { baselined: ['0001_email'] } });
  const back = await run(url, manifest, {
    id: 'delete',
    remove: true,
    direction: 'rollback',
    failed: { manifestHash: manifest.hash, reportedSuccess: false },
  });
  expect(back.outcome).toMatchObject({
    status: 'done',
    report: {
      undone: ['0002_extra'],
      kept: [{ name: '0001_email', reason: expect.stringMatching(/existed before/) }],
    },
  });
  expect([await there('users_email'), await there('extra')]).toEqual([true, false]);
  const { rows } = await client.query("SELECT event FROM trueup.events WHERE migration = '0001_email'");
  expect(rows).toEqual([{ event: 'baselined' }]);
});

test('a failed update too, by older code that does not know the files', async () => {
  const { url, there } = await adopted();
  const old = manifestOf(migration('0000_old', { up: ['CREATE TABLE old ()'] }));
  await run(url, old, { id: 'first' });
  const next = manifestOf(old.migrations[0]!, uniqueEmail, broken);
  await run(url, next, { id: 'update', baseline: '0001_email' });
  const back = await run(url, old, {
    id: 'rollback',
    direction: 'rollback',
    failed: { manifestHash: next.hash, reportedSuccess: false },
  });
  expect(back.outcome).toMatchObject({
    status: 'done',
    report: { undone: [], kept: [{ name: '0001_email' }] },
  });
  expect(await there('users_email')).toBe(true);
});

test('by name it is undone from its file, never from the ledger', async () => {
  const { url, there } = await adopted();
  const manifest = manifestOf(uniqueEmail);
  await run(url, manifest, { baseline: '0001_email' });
  const ask = { id: 'without', namespace: 'app', owner: null, name: '0001_email' };
  expect(await down(contextFor(url, manifestOf()), ask)).toMatchObject({
    status: 'failed',
    error: { code: 'undo', message: '0001_email has no down section' },
  });
  expect(await there('users_email')).toBe(true);
  expect(await down(contextFor(url, manifest), { ...ask, id: 'with' })).toMatchObject({ status: 'done' });
  expect(await there('users_email')).toBe(false);
  expect((await readStatus(contextFor(url, manifest), 'app')).migrations.map((m) => m.state)).toEqual([
    'pending',
  ]);
});

describe('a baseline in a stack', () => {
  const doubled = migration('0002_doubled', {
    up: ['UPDATE users SET email = email || email'],
    verify: "SELECT 'never'",
  });
  const unprovable = migration('0002_unprovable', { up: ['UPDATE users SET email = email || email'] });
  const later = migration('0003_later', { up: ['CREATE TABLE later ()'] });
  const full = async () => {
    const database = await adopted();
    await database.client.query("INSERT INTO users VALUES ('a')");
    const emails = async () =>
      (await database.client.query('SELECT email FROM users')).rows.map((r) => r.email);
    return { ...database, emails };
  };

  test.each([doubled, unprovable])(
    'that holds only in part is an error, and runs nothing: $name',
    async (second) => {
      const { url, emails, there } = await full();
      const manifest = manifestOf(uniqueEmail, second, later);
      for (const id of ['first', 'and again, as CloudFormation does']) {
        expect((await run(url, manifest, { id, baseline: second.name })).outcome).toMatchObject({
          status: 'failed',
          error: {
            code: 'verification',
            migration: second.name,
            message: expect.stringMatching(/part of the baseline/),
          },
        });
      }
      expect([await emails(), await there('later')]).toEqual([['a'], false]);
      // Named older, the rest is applied.
      const { outcome } = await run(url, manifestOf(uniqueEmail, later), {
        id: 'older',
        baseline: '0001_email',
      });
      expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0003_later'] } });
    },
  );

  test('of which no file can be proved is an error', async () => {
    const { url, emails } = await full();
    const { outcome } = await run(url, manifestOf(unprovable, later), { baseline: '0002_unprovable' });
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { message: expect.stringMatching(/no verify section that shows/) },
    });
    expect(await emails()).toEqual(['a']);
  });

  test('on a new database is applied, in order, with one warning', async () => {
    const url = await createDatabase();
    const users = migration('0000_users', {
      up: ['CREATE TABLE users (email text)'],
      verify: "SELECT 'no users' WHERE to_regclass('users') IS NULL",
    });
    const { outcome, events } = await run(url, manifestOf(users, uniqueEmail, later), {
      baseline: '0001_email',
    });
    expect(outcome).toMatchObject({
      status: 'done',
      report: {
        applied: ['0000_users', '0001_email', '0003_later'],
        baselined: [],
        warnings: [
          'the database contains none of the migrations up to the baseline 0001_email, so all of them are run',
        ],
      },
    });
    const finished = events.flatMap((e) =>
      e.type === 'finished' && e.action === 'apply' ? [e.migration] : [],
    );
    expect(finished).toEqual(['0000_users', '0001_email', '0003_later']);
  });

  test.each(['0001_emial', '0001', 'R__again'])('that does not exist is an error: %s', async (baseline) => {
    const { url, there } = await full();
    const again = migration('R__again');
    expect((await run(url, manifestOf(uniqueEmail, later, again), { baseline })).outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'manifest',
        message: `there is no versioned migration ${baseline} that could be the baseline`,
      },
    });
    expect(await there('later')).toBe(false);
  });

  test.each(majors())('that stays in the application does not excuse an edited file (%i)', async (major) => {
    const url = await createDatabase(major);
    const table = (columns: string) =>
      migration('0001_audit', {
        up: [`CREATE TABLE audit (${columns})`],
        verify: "SELECT 'no table' WHERE to_regclass('audit') IS NULL",
      });
    const asked = { baseline: '0001_audit' };
    await up(url, manifestOf(table('id int')), asked);
    const client = await connect(url);
    const ledger = async () => (await client.query('SELECT * FROM trueup.migrations')).rows;
    const before = await ledger();
    const edited = manifestOf(table('id int, note text'));
    for (const owner of [null, { account: '1', region: 'r', stackName: 'shop' }]) {
      expect((await run(url, edited, { ...asked, owner })).outcome).toMatchObject({
        status: 'failed',
        error: { code: 'history', migration: '0001_audit' },
      });
    }
    expect(await ledger()).toEqual(before);
    // By name and by hand it is accepted, where it verifies; what undoes it stays on record.
    const byHand = { ...asked, baselineOnly: true };
    expect((await up(url, edited, byHand)).report).toMatchObject({
      recordedEdits: ['0001_audit'],
      baselined: [],
    });
    const [after] = await ledger();
    expect(after).toMatchObject({ baselined: false, down: before[0].down, deployment: before[0].deployment });
    expect(after.up_checksum).toBe(edited.migrations[0]!.checksums.up);
  });

  test('only marked by hand, nothing after it is applied', async () => {
    const { url, there } = await full();
    const { outcome } = await run(url, manifestOf(uniqueEmail, doubled, later), {
      baseline: '0002_doubled',
      baselineOnly: true,
    });
    expect(outcome).toMatchObject({
      status: 'done',
      report: {
        baselined: ['0001_email'],
        applied: [],
        pending: ['0002_doubled', '0003_later'],
        warnings: [expect.stringMatching(/0002_doubled was not recorded as applied/)],
      },
    });
    expect(await there('later')).toBe(false);
  });
});
