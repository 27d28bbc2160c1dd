import { describe, expect, test } from 'vitest';
import {
  hashManifestEntries,
  type Manifest,
  type Migration,
  serializeRecordedDown,
  sha256,
  toManifestEntry,
} from '../../../lambda/contract/manifest';
import type { Ledger, LedgerMigration } from '../../../lambda/engine/ledger/ledger';
import { findPreconditionError, type PlanStep, planForward } from '../../../lambda/engine/plan/plan';
import { planRollback } from '../../../lambda/engine/plan/rollback';
import { ledgerOf, rowOf, SERVER } from '../../support/ledger-row';
import { manifestOf, migration, request } from '../../support/manifest';
import { fc, runs } from '../../support/property';

const [one, two, three] = ['0001_one', '0002_two', '0003_three'].map((name) =>
  migration(name, { up: [`SELECT '${name}'`, 'SELECT 2'], verify: `SELECT '${name}' WHERE false` }),
) as [Migration, Migration, Migration];
const repeatable = migration('R__again');

const shown = (steps: readonly PlanStep[]): string[] =>
  steps.map(
    (s) => `${s.type} ${s.migration.name}${s.type === 'apply' ? ` ${s.from}${s.note && ` ${s.note}`}` : ''}`,
  );

describe('forward', () => {
  const cases: [what: string, manifest: Manifest, rows: LedgerMigration[], steps: string[]][] = [
    [
      'an empty database',
      manifestOf(one, two, repeatable),
      [],
      ['apply 0001_one 0', 'apply 0002_two 0', 'apply R__again 0'],
    ],
    ['nothing to do', manifestOf(one, repeatable), [rowOf(one), rowOf(repeatable)], []],
    ['one is new', manifestOf(one, two), [rowOf(one)], ['apply 0002_two 0']],
    ['one is late', manifestOf(one, two), [rowOf(two)], ['apply 0001_one 0 out-of-order']],
    [
      'one was undone',
      manifestOf(one, two),
      [rowOf(one), rowOf(two, { state: 'undone' })],
      ['apply 0002_two 0'],
    ],
    [
      'a repeatable changed',
      manifestOf(repeatable),
      [rowOf(repeatable, { upChecksum: 'x' })],
      ['apply R__again 0 changed'],
    ],
    [
      'one stopped half way',
      manifestOf(one, two),
      [rowOf(one, { state: 'partial', statement: 1, statementChecksums: [one.statements[0]!.checksum] })],
      ['apply 0001_one 1 resumed', 'apply 0002_two 0'],
    ],
    [
      'unverified ones are proved first',
      manifestOf(one, two, three),
      [rowOf(two, { state: 'unverified' })],
      ['verify 0002_two', 'apply 0001_one 0 out-of-order', 'apply 0003_three 0'],
    ],
    [
      'a superseded verify never blocks',
      manifestOf(one, migration('0002_two', { supersedes: ['0001_one'] })),
      [rowOf(one, { state: 'unverified' })],
      ['record-without-verify 0001_one', 'apply 0002_two 0'],
    ],
  ];
  test.each(cases)('%s', (_, manifest, rows, steps) => {
    const plan = planForward(manifest, ledgerOf(rows), request(manifest));
    expect(plan.errors).toEqual([]);
    expect(shown(plan.steps)).toEqual(steps);
  });

  test('an edited file is an error, and nothing is planned', () => {
    const manifest = manifestOf(one, two);
    const plan = planForward(manifest, ledgerOf([rowOf(one, { upChecksum: 'x' })]), request(manifest));
    expect(plan).toMatchObject({ steps: [], errors: [{ code: 'history', migration: '0001_one' }] });
  });

  describe('an applied file that was edited', () => {
    const manifest = manifestOf(one, two, three);
    const rows = [rowOf(one, { upChecksum: 'x' }), rowOf(two)];
    const planned = (change: Parameters<typeof request>[1], state: Partial<Ledger> = {}) =>
      planForward(manifest, ledgerOf(rows, state), request(manifest, change));

    test.each(['0001_one', '0002_two', '0003_three'])('is an error under the baseline %s too', (baseline) => {
      expect(planned({ baseline })).toMatchObject({
        steps: [],
        errors: [{ code: 'history', migration: '0001_one' }],
      });
    });

    test('is accepted by a person who names it, and no other', () => {
      const marks = (baseline: string) => planned({ baseline, baselineOnly: true });
      expect(shown(marks('0001_one').steps)).toEqual(['accept 0001_one', 'apply 0003_three 0']);
      expect(shown(marks('0003_three').steps)).toEqual(['baseline 0003_three']);
      expect(marks('0003_three').warnings).toEqual([expect.stringContaining('0001_one.sql was edited')]);
    });

    test('is accepted in the text that a person has accepted, and in no other', () => {
      const accepted = (upChecksum: string) => [{ name: '0001_one', upChecksum }];
      expect(shown(planned({}, { accepted: accepted(one.checksums.up) }).steps)).toEqual([
        'accept 0001_one',
        'apply 0003_three 0',
      ]);
      expect(planned({}, { accepted: accepted('y') }).errors).toMatchObject([{ code: 'history' }]);
    });

    test('and that has no verify section is never accepted', () => {
      const silent = manifestOf(migration('0001_one'));
      const state = ledgerOf([rowOf(silent.migrations[0]!, { upChecksum: 'x' })]);
      const asked = request(silent, { baseline: '0001_one', baselineOnly: true });
      expect(planForward(silent, state, asked).errors).toMatchObject([
        { message: expect.stringContaining('has no verify section') },
      ]);
    });

    test('whose deployment was refused, and whose code is gone, is accepted for later', () => {
      const deployed = [rowOf(one), rowOf(two)];
      const refused = { name: '0001_one', upChecksum: 'y', hasVerify: true };
      const marks = (baseline: string, hasVerify = true) =>
        planForward(
          manifest,
          ledgerOf(deployed, { refused: [{ ...refused, hasVerify }] }),
          request(manifest, { baseline, baselineOnly: true }),
        );
      expect(marks('0001_one').steps[0]).toMatchObject({ type: 'accept-later', upChecksum: 'y' });
      expect(shown(marks('0002_two').steps)).toEqual(['apply 0003_three 0']);
      expect(marks('0001_one', false).errors).toMatchObject([{ code: 'history' }]);
      const again = planForward(manifest, ledgerOf(deployed, { refused: [refused] }), request(manifest));
      expect(shown(again.steps)).toEqual(['apply 0003_three 0']);
    });
  });

  test('after the statements that are done a file may be edited; they themselves not', () => {
    const partial = { state: 'partial', statement: 1 } as const;
    const manifest = manifestOf(one);
    const edited = rowOf(one, {
      ...partial,
      upChecksum: 'x',
      statementChecksums: [one.statements[0]!.checksum],
    });
    expect(shown(planForward(manifest, ledgerOf([edited]), request(manifest)).steps)).toEqual([
      'apply 0001_one 1 resumed',
    ]);
    const changed = rowOf(one, { ...partial, statementChecksums: ['x'] });
    expect(planForward(manifest, ledgerOf([changed]), request(manifest)).errors).toMatchObject([
      { code: 'history' },
    ]);
  });
});

test.each([
  ['a replica', { server: { ...SERVER, inRecovery: true } }, {}, 'unsupported'],
  ['an old server', { server: { ...SERVER, versionNumber: 120022 } }, {}, 'unsupported'],
  ['a newer ledger', { version: 99, readableBy: 99 }, {}, 'ledger'],
  ['another manifest', {}, { manifestHash: 'x' }, 'manifest'],
  [
    'another stack',
    { owner: 'a/b/c' },
    { owner: { account: 'a', region: 'b', stackName: 'd' } },
    'ownership',
  ],
  ['no such owner role', { server: { ...SERVER, canActAsOwner: null } }, { ownerRole: 'app' }, 'privilege'],
  ['no membership', { server: { ...SERVER, canActAsOwner: false } }, { ownerRole: 'app' }, 'privilege'],
] as const)('%s is refused', (_, state, change, code) => {
  const manifest = manifestOf(one);
  expect(
    findPreconditionError(manifest, ledgerOf([], state as Partial<Ledger>), request(manifest, change)),
  ).toMatchObject({
    code,
  });
  expect(findPreconditionError(manifest, ledgerOf([]), request(manifest))).toBeNull();
});

const subset = <T>(items: readonly T[]) => fc.subarray([...items], { minLength: 0 });
const names = Array.from({ length: 12 }, (_, i) => `${String(i + 1).padStart(4, '0')}_m${i}`);
const all = names.map((name, i) =>
  migration(name, {
    up: [`SELECT ${i}`],
    down: i % 3 === 0 ? [] : [`SELECT -${i}`],
    undo: i % 3 === 1 ? 'automatic' : undefined,
  }),
);

test('whatever is applied already, a plan names each missing migration once, in order, and nothing else', () => {
  fc.assert(
    fc.property(subset(all), subset(all), (inManifest, inLedger) => {
      const manifest = manifestOf(...inManifest);
      const plan = planForward(manifest, ledgerOf(inLedger.map((m) => rowOf(m))), request(manifest));
      const missing = inManifest.filter((m) => !inLedger.includes(m)).map((m) => m.name);
      expect(plan.steps.map((s) => s.migration.name)).toEqual(missing);
      const after = planForward(
        manifest,
        ledgerOf([...inLedger, ...inManifest].map((m) => rowOf(m))),
        request(manifest),
      );
      expect(after.steps).toEqual([]);
    }),
    { numRuns: runs(1_000) },
  );
});

test('a rollback undoes nothing that the failed deployment did not apply, that a hash does not vouch for, or that only a person may', () => {
  fc.assert(
    fc.property(
      subset(all),
      subset(all),
      subset(all),
      fc.constantFrom(true, false, 'unknown' as const),
      fc.boolean(),
      fc.option(fc.nat(11)),
      (oldFiles, newFiles, byFailed, reportedSuccess, rightHash, tampered) => {
        const next = manifestOf(...newFiles);
        const rows = all.map((m) => rowOf(m, { deployment: byFailed.includes(m) ? 'failed' : 'older' }));
        const downs = Object.fromEntries(
          all.map((m) => [m.name, m.down.length > 0 ? serializeRecordedDown(m.down) : null]),
        );
        const victim = tampered === null ? undefined : all[tampered]!.name;
        if (victim && downs[victim])
          downs[victim] = serializeRecordedDown([{ ...all[1]!.statements[0]!, sql: 'DROP TABLE x' }]);
        const record = { id: 'failed', entries: next.migrations.map(toManifestEntry), downs };
        const manifest = manifestOf(...oldFiles);
        const asked = request(manifest, {
          direction: 'rollback',
          failed: { manifestHash: rightHash ? next.hash : 'other', reportedSuccess },
        });
        const plan = planRollback(manifest, ledgerOf(rows), record, asked);
        const mayUndo = byFailed.filter(
          (m) => !oldFiles.includes(m) && newFiles.includes(m) && m.undo === 'automatic' && m.name !== victim,
        );
        const expected = rightHash && reportedSuccess === false ? mayUndo.map((m) => m.name).reverse() : [];
        expect(plan.undo.map((step) => step.name)).toEqual(expected);
        const ahead = byFailed.filter((m) => !oldFiles.includes(m)).map((m) => m.name);
        expect([...plan.undo, ...plan.kept].map((x) => x.name).sort()).toEqual(ahead.sort());
      },
    ),
    { numRuns: runs(2_000) },
  );
});

test('the hash is what it was in the first release', () => {
  // CloudFormation hands back hashes that older code made: this value may never change.
  const entries = [
    toManifestEntry({ ...one, down: [] }),
    { ...toManifestEntry(two), down: sha256('x'), class: 'versioned/automatic' },
  ];
  expect(hashManifestEntries(entries)).toBe(
    '662a83c815a021f5188b2812cab2885db4552486eb4f9a70a023da2af6216d3c',
  );
});
