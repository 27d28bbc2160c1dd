/** Which statements undo a migration that a person names, and what is sent for them. Without a database. */
import { describe, expect, test } from 'vitest';
import { TrueupError } from '../../../lambda/contract/errors';
import { serializeRecordedDown, sha256 } from '../../../lambda/contract/manifest';
import type { LedgerMigration } from '../../../lambda/engine/ledger/ledger';
import type { UndoStep } from '../../../lambda/engine/plan/rollback';
import { buildUndoScript } from '../../../lambda/engine/undo/script';
import { makeUndoStep, type RecordedDown } from '../../../lambda/engine/undo/step';
import { ledgerOf, rowOf } from '../../support/ledger-row';
import { manifestOf, migration } from '../../support/manifest';

const locks = [{ relation: 't', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const DROP = { sql: 'ALTER TABLE t DROP n', locks };
const one = migration('0001_one', {
  down: [DROP],
  settings: { lockTimeoutMs: 250, statementTimeoutMs: 2_000 },
});
const silent = migration('0002_silent');
const other = serializeRecordedDown(migration('0009_other', { down: ['SELECT 9'] }).down);
const deployed = (down: string): RecordedDown => ({
  down,
  checksum: sha256(down),
  settings: '[100,null,[]]',
});

const step = (
  rows: readonly LedgerMigration[],
  recorded: RecordedDown | null,
  { files = [one, silent], name = '0001_one' } = {},
): UndoStep => makeUndoStep(manifestOf(...files), ledgerOf(rows), name, recorded);

const refused = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    if (error instanceof TrueupError) return error.info;
    throw error;
  }
};

describe('where the statements come from', () => {
  const own = {
    name: '0001_one',
    statements: [
      { execution: 'transaction', sql: DROP.sql, locks: [{ relation: 't', mode: 'ACCESS EXCLUSIVE' }] },
    ],
    limits: { lockTimeoutMs: 250, statementTimeoutMs: 2_000 },
    partial: false,
  };

  test("the file, with the file's limits, whatever the ledger says", () => {
    expect(step([rowOf(one)], null)).toMatchObject(own);
    expect(step([rowOf(one)], deployed(other))).toMatchObject(own);
    expect(step([rowOf(one, { state: 'partial' })], null)).toMatchObject({ ...own, partial: true });
  });

  test('the ledger where the file is gone, or has none', () => {
    const recorded = {
      statements: [{ sql: 'SELECT 9' }],
      limits: { lockTimeoutMs: 100, statementTimeoutMs: undefined },
    };
    expect(step([rowOf(one)], deployed(other), { files: [] })).toMatchObject({
      name: '0001_one',
      ...recorded,
    });
    expect(step([rowOf(silent)], deployed(other), { name: '0002_silent' })).toMatchObject({
      name: '0002_silent',
      ...recorded,
    });
    const unlimited = { ...deployed(other), settings: null };
    expect(step([rowOf(one)], unlimited, { files: [] }).limits).toEqual({});
  });
});

describe('what stands against it', () => {
  const rows = Array.from({ length: 12 }, (_, i) => rowOf(migration(`${String(i + 10)}_m`)));
  const CHANGED = {
    code: 'undo',
    message: 'the down section of 0001_one in the ledger is not the one that was deployed',
    remedy:
      'Restore its file from version control, so that the down section comes from there, or undo it manually.',
  };

  test.each<[string, () => UndoStep, object]>([
    [
      'nothing is applied',
      () => step([], null),
      { code: 'undo', message: '0001_one is not applied', remedy: 'Nothing is applied.' },
    ],
    [
      'it is undone, and others are applied',
      () => step([...rows, rowOf(one, { state: 'undone' })], null),
      {
        code: 'undo',
        message: '0001_one is not applied',
        remedy: 'The newest applied migrations: 12_m, 13_m, 14_m, 15_m, 16_m, 17_m, 18_m, 19_m, 20_m, 21_m.',
      },
    ],
    [
      'it has no down anywhere',
      () => step([rowOf(silent)], { down: null, checksum: null, settings: null }, { name: '0002_silent' }),
      {
        code: 'undo',
        message: '0002_silent has no down section',
        remedy: 'Write a new migration that undoes it.',
      },
    ],
    [
      'nor does the ledger have a row of it',
      () => step([rowOf(silent)], null, { name: '0002_silent' }),
      { code: 'undo', message: '0002_silent has no down section' },
    ],
    [
      'it was changed in the ledger',
      () => step([rowOf(one)], { ...deployed(other), checksum: 'x' }, { files: [] }),
      CHANGED,
    ],
    [
      'nobody vouches for it',
      () => step([rowOf(one)], { ...deployed(other), checksum: null }, { files: [] }),
      CHANGED,
    ],
  ])('%s', (_, work, error) => expect(refused(work)).toMatchObject(error));
});

describe('what is sent', () => {
  const NAMES = { namespace: 'app', deployment: 'd', ownerRole: null };
  const { statements, limits } = step([rowOf(one)], null);
  const sent = (names: typeof NAMES | { ownerRole: string }, last: Parameters<typeof buildUndoScript>[3]) => {
    const { transaction, origins } = buildUndoScript(
      { name: '0001_one', limits },
      statements,
      { ...NAMES, ...names },
      last,
    );
    const sections = origins.map(({ section }) => section);
    return { settings: transaction.settings, sections, sql: transaction.statements };
  };

  test('its limits, its locks, its down, then the row of the ledger', () => {
    const { settings, sections, sql } = sent(NAMES, { expects: null });
    expect(settings).toEqual({ lock_timeout: '250', statement_timeout: expect.any(String) });
    expect(sections).toEqual(['locks', 'hold', 'down', 'ledger']);
    expect(sql[2]).toBe(DROP.sql);
    expect(sql[3]).toContain('undone');
  });

  test('as the owner, except for the ledger', () => {
    const { sections, sql } = sent({ ownerRole: 'app' }, { expects: null });
    expect(sections).toEqual(['settings', 'locks', 'hold', 'down', 'ledger', 'ledger']);
    expect([sql[0], sql[4]]).toEqual(['SET LOCAL ROLE "app"', 'RESET ROLE']);
  });

  test('no row while more is to come, and nothing but the row at the end', () => {
    expect(sent(NAMES, null).sections).toEqual(['locks', 'hold', 'down']);
    const end = buildUndoScript({ name: '0001_one', limits: {} }, [], NAMES, { expects: null });
    expect(end.origins.map(({ section }) => section)).toEqual(['ledger']);
  });

  test('what is deferred runs within the hold', () => {
    const update = [{ ...statements[0]!, sql: 'UPDATE t SET n = 1', command: 'UPDATE' }];
    const { origins, transaction } = buildUndoScript({ name: '0001_one', limits }, update, NAMES, null);
    expect(origins.map(({ section }) => section)).toEqual(['locks', 'hold', 'down', 'hold', 'hold']);
    expect(origins.map(({ index }) => index)).toEqual([0, 0, 0, 0, 0]);
    expect(transaction.statements.at(-1)).toBe('SET CONSTRAINTS ALL IMMEDIATE');
  });
});
