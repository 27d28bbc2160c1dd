/** What later migrations make of earlier ones, under which names, and when: the history that a page tells. */
import { describe, expect, it } from 'vitest';
import { findDefectKind } from '../../lambda/defects';
import { findPredicateToAdd, findRepairingMigrations } from '../../lambda/defects/migrations';
import { AB, filesOf, ID, object, standing, statusOf, TABLE } from './standing';

const SET = 'ALTER TABLE t ALTER id SET DEFAULT gen_random_uuid()';
const DROP = 'ALTER TABLE t ALTER id DROP DEFAULT';
const UNIQUE = 'ALTER TABLE t ADD UNIQUE (a, b)';
const NAMED = 'ALTER TABLE t ADD CONSTRAINT u UNIQUE (a, b)';
const DEFAULT = 'missing-primary-key-default';
const TARGET = 'missing-conflict-target';

describe('made and taken away', () => {
  it.each([
    ['made, taken away, made again', [TABLE, SET, DROP, SET], ['+2', '+4']],
    ['made twice, then taken away', [TABLE, SET, SET, DROP], ['+2, undone by 4', '+3, undone by 4', '-4']],
    ['taken away twice', [TABLE, SET, DROP, DROP], ['+2, undone by 3', '-3', '-4']],
    [
      'the table begins with it, and loses it in the same file',
      [`CREATE TABLE t (id bigserial); ${DROP}`],
      ['-1'],
    ],
    ['nothing is made where the table is there', [TABLE, 'CREATE TABLE IF NOT EXISTS t (id bigserial)'], []],
    ['its column goes', [TABLE, SET, 'ALTER TABLE t DROP COLUMN id'], ['+2, undone by 3', '-3']],
    ['another column goes', [TABLE, SET, 'ALTER TABLE t DROP COLUMN a'], ['+2']],
    ["another table's column goes", [TABLE, SET, 'ALTER TABLE other.t DROP COLUMN id'], ['+2']],
  ])('%s', async (_, files, expected) => {
    expect(await standing(DEFAULT, ID, files)).toEqual(expected);
  });

  it('a table that begins without a key never had it; one that loses it had', async () => {
    expect(await standing('not-null-too-early', ID, ['CREATE TABLE t (id uuid NOT NULL)'])).toEqual([]);
    const moved = [TABLE, 'CREATE UNIQUE INDEX x ON t (a, b)', `${TABLE}; DROP INDEX x`];
    expect(await standing(TARGET, AB, moved)).toEqual(['+2, undone by 3', '-3']);
  });

  it.each([
    ['IF NOT EXISTS', ['CREATE UNIQUE INDEX IF NOT EXISTS x ON t (a, b)'], ['+2']],
    ['one of its columns goes', [UNIQUE, 'ALTER TABLE t DROP COLUMN b'], ['+2, undone by 3', '-3']],
    ['another index goes', ['CREATE INDEX y ON t (id)', 'DROP INDEX y'], []],
    [
      'an index of a name that is chosen',
      ['CREATE UNIQUE INDEX ON t (a, b)', 'DROP INDEX t_a_b_idx'],
      ['+2, undone by 3', '-3'],
    ],
    [
      'a primary key',
      ['ALTER TABLE t ADD PRIMARY KEY (a, b)', 'ALTER TABLE t DROP CONSTRAINT t_pkey'],
      ['+2, undone by 3', '-3'],
    ],
    [
      'a constraint under a new name',
      [NAMED, 'ALTER TABLE t RENAME CONSTRAINT u TO v', 'ALTER TABLE t DROP CONSTRAINT v'],
      ['+2, undone by 4', '-4'],
    ],
    [
      'another constraint',
      [NAMED, 'ALTER TABLE t RENAME CONSTRAINT w TO x', 'ALTER TABLE t DROP CONSTRAINT x'],
      ['+2'],
    ],
    [
      'a column that is called as the constraint was',
      [NAMED, 'ALTER TABLE t RENAME COLUMN u TO w', 'ALTER TABLE t DROP CONSTRAINT w'],
      ['+2'],
    ],
    ["another table's constraint of that name", [NAMED, 'ALTER TABLE other.t DROP CONSTRAINT u'], ['+2']],
  ])('a key: %s', async (_, files, expected) => {
    expect(await standing(TARGET, AB, [TABLE, ...files])).toEqual(expected);
  });

  // chosen-names.test.ts asks a server for these.
  it.each([
    ['(a + 1)', 't_expr_b_idx'],
    ['(1 + a)', 't_expr_b_idx'],
    ['lower(email)', 't_lower_b_idx'],
    ['pg_catalog.upper(email)', 't_upper_b_idx'],
    ['(lower(email) || email)', 't_expr_b_idx'],
  ])('a key over %s, dropped as %s', async (key, name) => {
    const files = [TABLE, `CREATE UNIQUE INDEX ON t (${key}, b)`, `DROP INDEX ${name}`];
    const about = object({ table: 'public.t', columns: [key, 'b'] });
    expect(await standing(TARGET, about, files)).toEqual(['+2, undone by 3', '-3']);
  });

  it('a foreign key over two columns, under the name that PostgreSQL chooses', async () => {
    const files = [
      TABLE,
      'ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES p (x, y)',
      'ALTER TABLE t DROP CONSTRAINT t_a_b_fkey',
    ];
    expect(await standing('missing-foreign-key', AB, files)).toEqual(['+2, undone by 3', '-3']);
  });

  it('a verify section proves it: by one of its queries, of the table under its last name', async () => {
    const file =
      '-- migrate:up\nCOMMENT ON TABLE old IS NULL;\nALTER TABLE old RENAME TO t;\n' +
      "-- migrate:verify\nSELECT 1 WHERE false;\nSELECT trueup.col_has_default('public.t', 'id');";
    expect(await standing(DEFAULT, ID, ['CREATE TABLE old (id uuid)', file])).toEqual(['+2']);
  });
});

describe('names', () => {
  it.each([
    [
      'a table, in the file itself',
      [TABLE, 'ALTER TABLE t RENAME TO u; ALTER TABLE u ALTER id SET DEFAULT 1'],
      ID,
      ['+2'],
    ],
    [
      'a column',
      [TABLE, 'ALTER TABLE t RENAME COLUMN id TO key', 'ALTER TABLE t ALTER key SET DEFAULT 1'],
      ID,
      ['+3'],
    ],
    ['another column', [TABLE, 'ALTER TABLE t RENAME COLUMN a TO z', SET], ID, ['+3']],
    ["another table's column", [TABLE, 'ALTER TABLE other.t RENAME COLUMN id TO key', SET], ID, ['+3']],
  ])('that wait: %s', async (_, files, about, expected) => {
    expect(await standing(DEFAULT, about, files, 1)).toEqual(expected);
  });

  it('a schema that was changed', async () => {
    const files = ['CREATE TABLE public.t (id bigserial)', 'ALTER TABLE public.t SET SCHEMA app'];
    expect(await standing(DEFAULT, { ...ID, table: 'app.t' }, files)).toEqual(['+1']);
    const renamed = ['CREATE TABLE public.old (id bigserial)', 'ALTER TABLE public.old RENAME TO t'];
    expect(await standing(DEFAULT, ID, renamed)).toEqual(['+1']);
    expect(await standing(DEFAULT, { ...ID, table: 'app.t' }, renamed)).toEqual([]);
  });
});

describe('when', () => {
  const MOMENT = '2026-03-01T12:00:00.000Z';
  const told = async (appliedAt: string | null, lastError?: string) => {
    const manifest = await filesOf([TABLE, SET]);
    const status = statusOf([
      { name: '0001_m', state: 'partial' },
      { name: '0002_m', state: 'applied', appliedAt },
    ]);
    return findRepairingMigrations(findDefectKind(DEFAULT)!, ID, { manifest, status }, lastError);
  };
  const known = { name: '0002_m', state: 'applied', does: 'makes' };

  it.each([
    ['before the last error', '2026-03-01T12:00:00.001Z', false],
    ['after it', '2026-03-01T11:59:59.999Z', true],
  ])('%s', async (_, lastError, afterErrors) => {
    expect(await told(MOMENT, lastError)).toEqual([{ ...known, appliedAt: MOMENT, afterErrors }]);
  });

  it('says nothing of that within one second of a log that has whole seconds', async () => {
    for (const appliedAt of [MOMENT, '2026-03-01T12:00:00.999Z'])
      expect(await told(appliedAt, MOMENT)).toEqual([{ ...known, appliedAt }]);
    const appliedAt = '2026-03-01T12:00:01.000Z';
    expect(await told(appliedAt, MOMENT)).toEqual([{ ...known, appliedAt, afterErrors: true }]);
    // A log that has milliseconds tells.
    const same = '2026-03-01T12:00:00.400Z';
    expect(await told(same, same)).toEqual([{ ...known, appliedAt: same, afterErrors: false }]);
  });

  it('says nothing of that where one of the two is not known', async () => {
    expect(await told(MOMENT)).toEqual([{ ...known, appliedAt: MOMENT }]);
    expect(await told(null, MOMENT)).toEqual([{ ...known, appliedAt: null }]);
  });
});

describe('the predicate that a statement lacks', () => {
  const PARTIAL = 'CREATE UNIQUE INDEX x ON t (a, b) WHERE a > 0';
  const said = async (...files: string[]) => {
    const about = { ...AB, detail: null };
    const all = { manifest: await filesOf([TABLE, ...files]), status: null };
    return findPredicateToAdd(about, findRepairingMigrations(findDefectKind(TARGET)!, about, all), all);
  };

  it.each([
    ['an index over all rows', ['CREATE UNIQUE INDEX x ON t (a, b)']],
    [
      'partial ones over other columns, or not unique, beside it',
      [
        'CREATE UNIQUE INDEX x ON t (a, b); CREATE UNIQUE INDEX y ON t (a) WHERE a > 0; CREATE INDEX z ON t (a, b) WHERE a > 0',
      ],
    ],
    ['a default beside it', ['ALTER TABLE t ALTER a SET DEFAULT 1; CREATE UNIQUE INDEX x ON t (a, b)']],
    ['a partial one that the file itself takes away', [`${PARTIAL}; DROP INDEX x`]],
  ])('none: %s', async (_, files) => {
    expect(await said(...files)).toBeNull();
  });

  it('of the partial index, wherever it stands in its file', async () => {
    expect(await said(`ALTER TABLE t ALTER a SET DEFAULT 1; ${PARTIAL}`)).toBe(
      "The index of 0002_m is partial, so the application's statement must change as well: ON CONFLICT (a, b) WHERE a > 0.",
    );
  });

  it('none of a migration that the manifest does not have', async () => {
    const gone = { name: 'gone', state: 'applied', appliedAt: null, does: 'makes' } as const;
    expect(
      findPredicateToAdd(AB, [gone], { manifest: await filesOf([TABLE, PARTIAL]), status: null }),
    ).toBeNull();
  });
});
