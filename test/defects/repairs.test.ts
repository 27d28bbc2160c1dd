/** Which of the shipped migrations repairs what: by their text, and no other. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../lambda/defects';
import { type DefectObject, NO_OBJECT } from '../../lambda/defects/defect';
import { predicateToAdd, repairingMigrations } from '../../lambda/defects/diagnosis/repairs';
import { makesUnique } from '../../lambda/defects/names';
import type { MigrationState, Status } from '../../lambda/engine/views';
import { compileFolder } from '../../lib/compiler';

const object = (change: Partial<DefectObject>): DefectObject => ({ ...NO_OBJECT, ...change });
const column = (table: string, name: string): DefectObject =>
  object({ table: `public.${table}`, column: name, columns: [name] });

describe('the shipped migrations', () => {
  it.each([
    ['marketplace', 'missing-id-default', column('lead_purchases', 'id'), ['0002_id_default']],
    ['channels', 'premature-not-null', column('web_sessions', 'lead_id'), ['0002_sessions_before_leads']],
    ['channels', 'premature-not-null', column('social_sessions', 'lead_id'), ['0002_sessions_before_leads']],
    [
      'courses',
      'missing-conflict-target',
      object({ table: 'public.student_course_purchases', columns: ['student_id', 'course_id'] }),
      ['0002_one_active_purchase'],
    ],
    [
      'courses',
      'conflict-predicate',
      object({
        table: 'public.student_course_purchases',
        columns: ['course_id', 'student_id'],
        detail: 'is_active',
      }),
      ['0002_one_active_purchase'],
    ],
    [
      'courses',
      'missing-conflict-target',
      object({ table: 'public.student_course_purchases', columns: ['payment_id'] }),
      [],
    ],
    [
      'courses',
      'invalid-index',
      object({
        table: 'public.student_course_purchases',
        name: 'public.unique_active_purchase',
        columns: ['student_id', 'course_id'],
      }),
      ['0002_one_active_purchase'],
    ],
    ['appointments', 'missing-id-default', column('appointments', 'id'), ['0002_id_defaults']],
    ['appointments', 'missing-id-default', column('blackout_dates', 'id'), ['0002_id_defaults']],
    ['appointments', 'mismatched-key-types', column('accounts', 'id'), ['0003_uuid_keys']],
    ['appointments', 'mismatched-key-types', column('services', 'account_id'), ['0003_uuid_keys']],
    ['appointments', 'missing-foreign-key', column('appointments', 'account_id'), ['0005_foreign_keys']],
    ['appointments', 'premature-not-null', column('services', 'account_id'), ['0004_links_may_be_null']],
    ['marketplace', 'premature-not-null', column('lead_purchases', 'agent_id'), []],
  ] as const)('%s: %s', async (folder, id, about, names) => {
    const manifest = await compileFolder(join(__dirname, '../../migrations', folder));
    const found = repairingMigrations(kindOf(id)!, about, { manifest, status: null });
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(found.every(({ state }) => state === 'unknown')).toBe(true);
  });

  it('their state is the ledger’s', async () => {
    const manifest = await compileFolder(join(__dirname, '../../migrations/marketplace'));
    const status = (state: MigrationState): Status =>
      ({ migrations: [{ name: '0002_id_default', state }] }) as unknown as Status;
    const kind = kindOf('missing-id-default')!;
    const stateIn = (known: Status) =>
      repairingMigrations(kind, column('lead_purchases', 'id'), { manifest, status: known })[0]!.state;
    expect(stateIn(status('applied'))).toBe('applied');
    expect(stateIn({ migrations: [] } as unknown as Status)).toBe('pending');
  });
});

describe('a partial index that is to come', () => {
  const about = (detail: string | null): DefectObject =>
    object({ table: 'public.student_course_purchases', columns: ['student_id', 'course_id'], detail });
  it.each([
    [null, /partial.*ON CONFLICT \(student_id, course_id\) WHERE is_active\./],
    ['is_active = true', null],
    ['is_active IS TRUE', /partial/],
  ])('the statement says %s', async (detail, words) => {
    const known = {
      manifest: await compileFolder(join(__dirname, '../../migrations/courses')),
      status: null,
    };
    const repairing = repairingMigrations(kindOf('missing-conflict-target')!, about(detail), known);
    const said = predicateToAdd(about(detail), repairing, known);
    if (words === null) expect(said).toBeNull();
    else expect(said).toMatch(words);
  });
});

it.each([
  ['CREATE UNIQUE INDEX CONCURRENTLY x ON t (b, a) WHERE c', true],
  ['create unique index on public."t" using btree ("a", "b")', true],
  ['ALTER TABLE t ADD UNIQUE (a, b)', true],
  ['ALTER TABLE t ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a, b)', true],
  ['CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))', true],
  ['CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE)', false],
  ['CREATE INDEX ON t (a, b)', false],
  ['CREATE UNIQUE INDEX ON t (a, b, c)', false],
  ["RAISE WARNING 'no unique index on (a, b)'", false],
])('%s is unique over a and b: %s', (sql, expected) => {
  expect(makesUnique(sql, ['a', 'b'])).toBe(expected);
});
it('one column, declared with its type', () => {
  expect(makesUnique('CREATE TABLE t (a int NOT NULL UNIQUE, b int)', ['a'])).toBe(true);
  expect(makesUnique('CREATE TABLE t (a int, b int UNIQUE)', ['a'])).toBe(false);
});
