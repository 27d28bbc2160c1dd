/** What files that were applied elsewhere may not do to a database, decided. */
import { expect, test } from 'vitest';
import type { Migration } from '../../../lambda/contract/manifest';
import {
  type FolderHistory,
  findHistoryError,
  listTablesWithRowChanges,
} from '../../../lambda/engine/plan/history';
import type { PlanStep } from '../../../lambda/engine/plan/plan';
import { migration } from '../../support/manifest';

const base = migration('0001_base');
const NEW: FolderHistory = { existedBefore: false, began: false, holdsTables: false, there: new Set() };
const history = (change: Partial<NonNullable<Migration['history']>>, locked: readonly string[] = []) => ({
  ...migration('0007_old', {
    up: [
      {
        sql: 'DELETE FROM t',
        locks: locked.map((relation) => ({ relation, mode: 'ROW EXCLUSIVE' as const, created: false })),
      },
    ],
  }),
  history: { destroys: false, cannotRun: null, ...change },
});
const refused = (
  of: Migration,
  before: Partial<FolderHistory> = {},
  type: 'apply' | 'baseline' = 'apply',
) => {
  const step = (migration: Migration) => ({ type, migration, from: 0, note: '' }) as PlanStep;
  return findHistoryError([step(base), step(of)], { ...NEW, ...before });
};

test('rows that it changes are those of relations that it does not make', () => {
  const lock = (relation: string, mode: 'ROW EXCLUSIVE' | 'SHARE', created: boolean) => ({
    relation,
    mode,
    created,
  });
  const of = migration('0007_old', {
    up: [
      { sql: 'a', locks: [lock('a', 'ROW EXCLUSIVE', false), lock('b', 'SHARE', false)] },
      { sql: 'b', locks: [lock('c', 'ROW EXCLUSIVE', true), lock('d', 'ROW EXCLUSIVE', false)] },
    ],
  });
  expect(listTablesWithRowChanges(of)).toEqual(['a', 'd']);
});

test.each<[string, string | null, Migration, Partial<FolderHistory>]>([
  [
    'what cannot run is never run',
    'it was applied elsewhere, and cannot be run here: COPY FROM STDIN',
    history({ cannotRun: 'COPY FROM STDIN' }),
    {},
  ],
  ['rows that are there', 'it changes rows of t,', history({}, ['s', 't']), { there: new Set(['t']) }],
  ['rows of others', null, history({}, ['s']), { there: new Set(['t']) }],
  ['it destroys on a new database what it made', null, history({ destroys: true }), {}],
  ['it destroys nothing', null, history({}), { existedBefore: true, holdsTables: true }],
  [
    'it destroys where some is recorded already',
    'and this database existed before Trueup was adopted',
    history({ destroys: true }),
    { existedBefore: true, began: true },
  ],
  [
    'it destroys where there are tables',
    'this database has tables that these files did not create',
    history({ destroys: true }),
    { holdsTables: true },
  ],
  [
    'it destroys in use',
    'this database has been in use since Trueup applied the files before it',
    history({ destroys: true }),
    { holdsTables: true, began: true },
  ],
  ['it destroys, and the first run is yet to end', null, history({ destroys: true }), { began: true }],
])('%s', (_, said, of, before) => {
  const error = refused(of, before);
  if (said === null) expect(error).toBeNull();
  else {
    expect(error).toMatchObject({
      code: of.history?.cannotRun ? 'manifest' : 'history',
      message: expect.stringContaining(said),
      remedy: expect.stringMatching(/^Nothing was run\. /),
    });
  }
  expect(refused(of, before, 'baseline')).toBeNull();
});

test('a file that is no history has had its consent', () => {
  const of = migration('0007_new', {
    up: [{ sql: 'DELETE', locks: [{ relation: 't', mode: 'ROW EXCLUSIVE', created: false }] }],
  });
  expect(refused(of, { there: new Set(['t']), existedBefore: true })).toBeNull();
});
