/** Which migrations make what is missing, and which take it away: by what their statements do. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../lambda/contract/status';
import { findDefectKind } from '../../lambda/defects';
import { findPredicateToAdd, findRepairingMigrations } from '../../lambda/defects/migrations';
import type { DefectObject } from '../../lambda/defects/object';
import { compileFolder } from '../../lib/compiler';
import { AB, column, ID, object, standing, statusOf, TABLE } from './standing';

describe('the shipped migrations', () => {
  it.each([
    ['marketplace', 'missing-primary-key-default', column('lead_purchases', 'id'), ['0002_id_default']],
    ['channels', 'not-null-too-early', column('web_sessions', 'lead_id'), ['0002_sessions_before_leads']],
    ['channels', 'not-null-too-early', column('social_sessions', 'lead_id'), ['0002_sessions_before_leads']],
    [
      'courses',
      'missing-conflict-target',
      object({ table: 'public.student_course_purchases', columns: ['student_id', 'course_id'] }),
      ['0002_one_active_purchase'],
    ],
    [
      'courses',
      'missing-conflict-predicate',
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
    ['appointments', 'missing-primary-key-default', column('appointments', 'id'), ['0002_id_defaults']],
    ['appointments', 'missing-primary-key-default', column('blackout_dates', 'id'), ['0002_id_defaults']],
    ['appointments', 'mismatched-key-types', column('accounts', 'id'), ['0003_uuid_keys']],
    ['appointments', 'mismatched-key-types', column('services', 'account_id'), ['0003_uuid_keys']],
    ['appointments', 'missing-foreign-key', column('appointments', 'account_id'), ['0005_foreign_keys']],
    ['appointments', 'not-null-too-early', column('services', 'account_id'), ['0004_links_may_be_null']],
    ['marketplace', 'not-null-too-early', column('lead_purchases', 'agent_id'), []],
  ] as const)('%s: %s', async (folder, id, about, names) => {
    const manifest = await compileFolder(join(__dirname, '../../migrations', folder));
    const found = findRepairingMigrations(findDefectKind(id)!, about, { manifest, status: null });
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(found.every(({ state }) => state === 'unknown')).toBe(true);
  });

  it('their state is the ledger’s', async () => {
    const manifest = await compileFolder(join(__dirname, '../../migrations/marketplace'));
    const kind = findDefectKind('missing-primary-key-default')!;
    const stateIn = (known: Status) =>
      findRepairingMigrations(kind, column('lead_purchases', 'id'), { manifest, status: known })[0]!.state;
    expect(stateIn(statusOf([{ name: '0002_id_default', state: 'applied' }]))).toBe('applied');
    expect(stateIn(statusOf([]))).toBe('pending');
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
    const repairing = findRepairingMigrations(
      findDefectKind('missing-conflict-target')!,
      about(detail),
      known,
    );
    const said = findPredicateToAdd(about(detail), repairing, known);
    if (words === null) expect(said).toBeNull();
    else expect(said).toMatch(words);
  });
});

describe('what a statement does', () => {
  it.each([
    ['missing-primary-key-default', ID, [TABLE, 'ALTER TABLE t ALTER COLUMN id DROP DEFAULT'], ['-2']],
    [
      'missing-primary-key-default',
      ID,
      [TABLE, 'ALTER TABLE t ALTER id SET DEFAULT gen_random_uuid()', 'ALTER TABLE t ALTER id DROP DEFAULT'],
      ['+2, undone by 3', '-3'],
    ],
    [
      'missing-primary-key-default',
      ID,
      [TABLE, 'ALTER TABLE t ALTER id DROP DEFAULT', 'ALTER TABLE t ALTER id SET DEFAULT gen_random_uuid()'],
      ['+3'],
    ],
    ['missing-primary-key-default', ID, [TABLE, 'ALTER TABLE t ALTER id SET DEFAULT NULL'], ['-2']],
    [
      'missing-primary-key-default',
      ID,
      [TABLE, 'ALTER TABLE t ALTER id SET DEFAULT gen_random_uuid(), ALTER id DROP DEFAULT'],
      ['-2'],
    ],
    ['missing-primary-key-default', ID, [TABLE, 'ALTER TABLE t ALTER other_id SET DEFAULT 1'], []],
    [
      'missing-primary-key-default',
      ID,
      [TABLE, "COMMENT ON COLUMN t.id IS 'ALTER COLUMN id SET DEFAULT'"],
      [],
    ],
    [
      'missing-primary-key-default',
      ID,
      [TABLE, 'ALTER TABLE other.t ALTER id SET DEFAULT gen_random_uuid()'],
      [],
    ],
    [
      'missing-primary-key-default',
      ID,
      [TABLE, 'ALTER TABLE public.t ALTER id SET DEFAULT gen_random_uuid()', 'DROP TABLE t', TABLE],
      ['+2, undone by 3', '-3'],
    ],
    ['missing-primary-key-default', ID, ['CREATE TABLE t (id bigserial)'], ['+1']],
    ['missing-primary-key-default', ID, ['CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY)'], ['+1']],
    [
      'missing-primary-key-default',
      ID,
      [
        'CREATE TABLE old (key uuid DEFAULT gen_random_uuid())',
        'ALTER TABLE old RENAME TO t',
        'ALTER TABLE t RENAME key TO id',
      ],
      ['+1'],
    ],
    [
      'missing-primary-key-default',
      ID,
      [
        `-- migrate:consent destroys a test\n-- migrate:up\nDO $$ BEGIN PERFORM 1; END $$;\n-- migrate:verify\nSELECT trueup.col_has_default('public.t', 'id');`,
      ],
      ['+1'],
    ],
    [
      'missing-foreign-key',
      object({ table: 'public.t', column: 'account_id', columns: ['account_id'] }),
      [TABLE, 'ALTER TABLE t ADD FOREIGN KEY (other_id) REFERENCES p (id), ADD COLUMN account_id_2 int'],
      [],
    ],
    [
      'missing-foreign-key',
      object({ table: 'public.t', column: 'account_id', columns: ['account_id'] }),
      [
        TABLE,
        'ALTER TABLE t ADD FOREIGN KEY (account_id) REFERENCES p (id)',
        'ALTER TABLE t DROP CONSTRAINT t_account_id_fkey',
      ],
      ['+2, undone by 3', '-3'],
    ],
    [
      'missing-conflict-target',
      AB,
      [TABLE, 'CREATE UNIQUE INDEX CONCURRENTLY x ON t (b, a) WHERE a > 0'],
      ['+2'],
    ],
    [
      'missing-conflict-target',
      AB,
      [TABLE, 'CREATE UNIQUE INDEX x ON t (a DESC, b text_pattern_ops)'],
      ['+2'],
    ],
    ['missing-conflict-target', AB, [TABLE, 'ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (a, b)'], ['+2']],
    ['missing-conflict-target', AB, [TABLE, 'ALTER TABLE t ADD UNIQUE (a, b) DEFERRABLE'], []],
    ['missing-conflict-target', AB, ['CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))'], ['+1']],
    ['missing-conflict-target', AB, ['CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE)'], []],
    ['missing-conflict-target', AB, [TABLE, 'CREATE INDEX ON t (a, b)'], []],
    ['missing-conflict-target', AB, [TABLE, 'CREATE UNIQUE INDEX ON t (a, b, id)'], []],
    [
      'missing-conflict-target',
      AB,
      [TABLE, 'CREATE UNIQUE INDEX x ON t (a, b)', 'DROP INDEX x'],
      ['+2, undone by 3', '-3'],
    ],
    [
      'missing-conflict-target',
      AB,
      [TABLE, 'CREATE UNIQUE INDEX x ON t (a, b)', 'ALTER INDEX x RENAME TO y', 'DROP INDEX y'],
      ['+2, undone by 4', '-4'],
    ],
    [
      'missing-conflict-target',
      AB,
      [TABLE, 'ALTER TABLE t ADD UNIQUE (a, b)', 'ALTER TABLE t DROP CONSTRAINT t_a_b_key'],
      ['+2, undone by 3', '-3'],
    ],
    [
      'missing-conflict-target',
      object({ table: 'public.t', columns: ['lower(email)', 'tenant_id'] }),
      [TABLE, 'CREATE UNIQUE INDEX x ON t (lower(email), tenant_id)'],
      ['+2'],
    ],
    [
      'missing-conflict-target',
      object({ table: 'public.t', columns: ['email', 'tenant_id'] }),
      [TABLE, 'CREATE UNIQUE INDEX x ON t (lower(email), tenant_id)'],
      [],
    ],
    ['not-null-too-early', ID, [TABLE, 'ALTER TABLE t ALTER id SET NOT NULL'], ['-2']],
    [
      'not-null-too-early',
      ID,
      ['CREATE TABLE t (id uuid NOT NULL)', 'ALTER TABLE t ALTER id DROP NOT NULL'],
      ['+2'],
    ],
    [
      'missing-uuid-function',
      object({ name: 'uuid_generate_v4' }),
      ['CREATE EXTENSION "uuid-ossp"', 'DROP EXTENSION "uuid-ossp"'],
      ['+1, undone by 2', '-2'],
    ],
    [
      'mismatched-key-types',
      ID,
      ['CREATE TABLE t (id varchar(36))', 'ALTER TABLE t ALTER id TYPE uuid USING id::uuid'],
      ['+2'],
    ],
    [
      'unvalidated-constraint',
      object({ table: 'public.t', name: 'c' }),
      [TABLE, 'ALTER TABLE t VALIDATE CONSTRAINT c'],
      ['+2'],
    ],
  ] as const)('%s: %j', async (id, about, files, expected) => {
    expect(await standing(id, about, files)).toEqual(expected);
  });

  it('names before a rename that waits, and after one that was applied', async () => {
    const files = [
      'CREATE TABLE t (id uuid)',
      'ALTER TABLE t RENAME TO orders',
      'ALTER TABLE orders ALTER id SET DEFAULT gen_random_uuid()',
    ];
    expect(await standing('missing-primary-key-default', ID, files, 1)).toEqual(['+3']);
    expect(await standing('missing-primary-key-default', column('orders', 'id'), files)).toEqual(['+3']);
    expect(await standing('missing-primary-key-default', ID, files)).toEqual([]);
  });
});
