import { describe, expect, it } from 'vitest';
import type { Diagnosis, RepairingMigration } from '../../lambda/contract/diagnosis';
import { describeMigrations } from '../../lambda/defects/migration-sentences';

type About = Pick<Diagnosis, 'kind' | 'verdict' | 'migrations' | 'repair'>;
const REPAIR = { words: '', sql: ['x;'] };
const MISSING: About = {
  kind: 'missing-primary-key-default',
  verdict: 'schema',
  migrations: [],
  repair: REPAIR,
};
const said = (
  migrations: readonly Partial<RepairingMigration>[],
  about: Partial<About> = {},
): readonly string[] =>
  describeMigrations({
    ...MISSING,
    ...about,
    migrations: migrations.map((each) => ({ name: 'a', state: 'applied', does: 'makes', ...each })),
  });

const MOMENT = '2026-11-22T09:05:00Z';
const WRITE_ONE = 'No migration in the deployed code addresses this: write one.';
const LOST = ', but what it creates is not in the catalog. `trueup verify` shows details.';

describe('one that makes it', () => {
  it.each([
    [{ state: 'pending' }, 'is not applied (pending): deploy it.'],
    [{ state: 'undone' }, 'is not applied (undone): deploy it.'],
    [{ state: 'partial' }, 'stopped half way: deploy again to continue.'],
    [{ state: 'applied' }, `is applied${LOST}`],
    [{ state: 'unverified' }, `is applied (unverified)${LOST}`],
    [{ state: 'superseded' }, `is applied (superseded)${LOST}`],
    [{ state: 'edited' }, `is applied (edited)${LOST}`],
    [
      { appliedAt: MOMENT, afterErrors: true },
      `is applied since 2026-11-22 09:05:00 UTC, after the last of these errors${LOST}`,
    ],
    [
      { appliedAt: MOMENT, afterErrors: false },
      `is applied since 2026-11-22 09:05:00 UTC, before the last of these errors${LOST}`,
    ],
    [{ appliedAt: MOMENT }, `is applied${LOST}`],
    [{ appliedAt: null, afterErrors: true }, `is applied${LOST}`],
  ] as const)('%j', (migration, words) => {
    expect(said([migration])).toEqual([`Migration a addresses this and ${words}`]);
  });

  it('the ledger could not be read', () => {
    expect(said([{ state: 'unknown' }])).toEqual([
      'Migration a addresses this; the ledger could not be read, so it is not known whether it is applied.',
    ]);
  });

  it.each(['application', 'not-reproduced'] as const)(
    'it lost nothing where the verdict is %s',
    (verdict) => {
      expect(said([{}], { verdict })).toEqual([
        'Migration a is about this object and is applied: the schema has what it creates.',
      ]);
    },
  );
});

describe('one that takes it away', () => {
  it.each([
    [{ state: 'pending' }, 'removes it; it is not applied (pending).'],
    [
      { state: 'unknown' },
      'removes it; the ledger could not be read, so it is not known whether it is applied.',
    ],
    [{ state: 'applied' }, 'removes it, and is applied.'],
    [
      { appliedAt: MOMENT, afterErrors: false },
      'removes it, and is applied since 2026-11-22 09:05:00 UTC, before the last of these errors.',
    ],
  ] as const)('%j', (migration, words) => {
    expect(said([{ ...migration, does: 'takes-away' }])).toEqual([`Migration a ${words}`, WRITE_ONE]);
  });

  it('nobody has to write one where nothing is missing, or no SQL repairs it', () => {
    const gone = [{ does: 'takes-away' }] as const;
    const alone = ['Migration a removes it, and is applied.'];
    expect(said(gone, { verdict: 'application' })).toEqual(alone);
    expect(said(gone, { verdict: 'not-reproduced' })).toEqual(alone);
    expect(said(gone, { repair: { words: '', sql: [] } })).toEqual(alone);
  });

  it('nor where another makes it, even if that is taken away again', () => {
    expect(
      said([
        { state: 'pending', undoneBy: 'b' },
        { name: 'b', state: 'pending', does: 'takes-away' },
      ]),
    ).toEqual([
      'Migration a creates it, and b removes it again: deploying them repairs nothing.',
      'Migration b removes it; it is not applied (pending).',
    ]);
  });
});

it('none at all', () => {
  expect(said([])).toEqual([WRITE_ONE]);
  expect(said([], { verdict: 'application' })).toEqual([]);
  expect(said([], { kind: null })).toEqual([]);
  expect(describeMigrations({ ...MISSING, migrations: null })).toEqual([]);
});
