/** What forbids a run, and what a run does about each migration, in the words that people read. Without a database. */
import { describe, expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import type { Manifest, Migration } from '../../../lambda/contract/manifest';
import type { Ledger, LedgerMigration } from '../../../lambda/engine/ledger/ledger';
import { LEDGER_VERSION } from '../../../lambda/engine/ledger/schema';
import { findPreconditionError, planForward } from '../../../lambda/engine/plan/plan';
import { VERIFICATION_VERSION } from '../../../lambda/engine/sql/verification';
import { ledgerOf, rowOf, SERVER } from '../../support/ledger-row';
import { manifestOf, migration, request } from '../../support/manifest';

const [one, two, three] = ['0001_one', '0002_two', '0003_three'].map((name) =>
  migration(name, { up: [`SELECT '${name}'`, 'SELECT 2'], verify: `SELECT '${name}' WHERE false` }),
) as [Migration, Migration, Migration];
const silent = migration('0001_one');
const STACK = { account: 'a', region: 'b', stackName: 'shop' };
const OURS = 'a/b/shop';

describe('what forbids a run', () => {
  const manifest = manifestOf(one);
  const found = (state: Partial<Ledger>, change: Partial<ConvergeRequest>) =>
    findPreconditionError(manifest, ledgerOf([], state), request(manifest, change));
  const server = (change: Partial<Ledger['server']>) => ({ server: { ...SERVER, ...change } });
  const STALE = { mayInstall: false, schemaOwner: 'dba' };
  const REPLACE = {
    code: 'privilege',
    message:
      'this version of Trueup has newer functions, and role me may not replace those of schema trueup, which role dba owns',
    remedy: 'Run it once as that role, or: GRANT "dba" TO "me";',
  };
  const OWNED = {
    code: 'ownership',
    message: 'namespace app belongs to x/y/z',
    remedy: 'Choose another namespace, or let this stack take it over (adopt: true).',
  };

  test.each<[string, Partial<Ledger>, Partial<ConvergeRequest>, object]>([
    [
      'a replica',
      server({ inRecovery: true }),
      {},
      {
        code: 'unsupported',
        message: 'the server is a read replica (in recovery), so it is read-only',
        remedy: 'Give the address of the writer.',
      },
    ],
    [
      'an old server',
      server({ version: '12.22', versionNumber: 129999 }),
      {},
      {
        code: 'unsupported',
        message: 'the server is PostgreSQL 12.22; Trueup supports 13 and later',
        remedy: 'Upgrade the server.',
      },
    ],
    [
      'a newer ledger',
      { version: 99, readableBy: 98 },
      {},
      {
        code: 'ledger',
        message: `the ledger was written by a newer Trueup (format 99, readable from 98; this code reads ${LEDGER_VERSION})`,
        remedy: 'Deploy with that version of Trueup or a newer one.',
      },
    ],
    [
      "older functions, and somebody else's",
      { ...STALE, version: LEDGER_VERSION, verification: 0 },
      {},
      REPLACE,
    ],
    [
      "an older ledger, and somebody else's",
      { ...STALE, version: LEDGER_VERSION - 1, verification: VERIFICATION_VERSION },
      {},
      REPLACE,
    ],
    [
      'another manifest',
      {},
      { manifestHash: '0123456789abcdef' },
      {
        code: 'manifest',
        message: `the request names manifest 0123456789ab, but this code carries ${manifest.hash.slice(0, 12)}`,
        remedy:
          'Deploy again, so that the code and the stack agree; a hot-swapped or stale asset is never applied.',
      },
    ],
    [
      'another workload',
      {},
      { workload: '0123456789abcdef' },
      {
        code: 'manifest',
        message: 'the request names workload 0123456789ab, but this code carries none',
        remedy:
          'Deploy again, so that the code and the stack agree; a hot-swapped or stale asset is never applied.',
      },
    ],
    ["another stack's namespace", { owner: 'x/y/z' }, { owner: STACK }, OWNED],
    ['the same, and no is said to taking it over', { owner: 'x/y/z' }, { owner: STACK, adopt: false }, OWNED],
    [
      'no such owner role',
      server({ canActAsOwner: null }),
      { ownerRole: 'app' },
      {
        code: 'privilege',
        message: 'role app does not exist',
        remedy: 'Create the role, or change the owner setting.',
      },
    ],
    [
      'no membership, from 16 on',
      server({ canActAsOwner: false, versionNumber: 160000 }),
      { ownerRole: 'app' },
      {
        code: 'privilege',
        message: 'role me cannot act as app',
        remedy: 'GRANT "app" TO "me" WITH INHERIT TRUE, SET TRUE;',
      },
    ],
    [
      'no membership, before 16',
      server({ canActAsOwner: false, versionNumber: 159999 }),
      { ownerRole: 'app' },
      {
        code: 'privilege',
        message: 'role me cannot act as app',
        remedy: 'GRANT "app" TO "me"; ALTER ROLE "me" INHERIT;',
      },
    ],
  ])('%s', (_, state, change, error) => expect(found(state, change)).toEqual(error));

  test.each<[string, Partial<Ledger>, Partial<ConvergeRequest>]>([
    ['nothing', {}, {}],
    ['the oldest server', server({ versionNumber: 130000 }), {}],
    [
      'the newest functions, whoever owns them',
      { ...STALE, version: LEDGER_VERSION, verification: VERIFICATION_VERSION },
      {},
    ],
    ['older functions that it may replace', { version: 1, verification: 1, mayInstall: true }, {}],
    ['its own namespace', { owner: OURS }, { owner: STACK }],
    ["nobody's namespace", { owner: null }, { owner: STACK }],
    ["another stack's, taken over", { owner: 'x/y/z' }, { owner: STACK, adopt: true }],
    ["a stack's, by hand", { owner: 'x/y/z' }, { owner: null }],
  ])('not: %s', (_, state, change) => expect(found(state, change)).toBeNull());
});

const planned = (
  manifest: Manifest,
  rows: readonly LedgerMigration[],
  change: Partial<ConvergeRequest> = {},
  state: Partial<Ledger> = {},
) => {
  const { renames, ...plan } = planForward(manifest, ledgerOf(rows, state), request(manifest, change));
  // Those have a file of their own.
  expect(renames).toEqual([]);
  return plan;
};

const history = (message: string, remedy: string, migration = '0001_one') => ({
  code: 'history',
  message: `${migration}.sql ${message}`,
  remedy,
  migration,
  file: `${migration}.sql`,
});

describe('a file that was edited', () => {
  const edited = [rowOf(one, { upChecksum: 'x' })];
  const RESTORE =
    'Restore the file and make the change in a new migration. If the edit changes nothing in the database, run';

  test.each<[string, Partial<ConvergeRequest>, string]>([
    ['by hand', { owner: null }, '`trueup baseline 0001_one`: the'],
    ['in a stack', { owner: STACK }, '`trueup baseline 0001_one --stack shop` and deploy again: the'],
    [
      'in a nested stack, whose name only CloudFormation knows',
      { owner: { ...STACK, stackName: 'shop/Nested' } },
      '`trueup baseline 0001_one --stack STACK` and deploy again: the',
    ],
  ])('%s', (_, change, command) => {
    const remedy = `${RESTORE} ${command} new text is recorded once its verify section passes.`;
    expect(planned(manifestOf(one, two), edited, change)).toEqual({
      steps: [],
      warnings: [],
      errors: [history('was edited after it was applied', remedy)],
    });
  });

  const CANNOT = history(
    'was edited after it was applied, and has no verify section that shows whether the database has what the new text describes',
    'Give it a verify section, or restore the file and make the change in a new migration.',
  );

  test('and cannot prove its new text', () => {
    const named = { baseline: '0001_one', baselineOnly: true };
    const rows = [rowOf(silent, { upChecksum: 'x' })];
    expect(planned(manifestOf(silent), rows, named).errors).toEqual([CANNOT]);
    const accepted = [{ name: '0001_one', upChecksum: silent.checksums.up }];
    expect(planned(manifestOf(silent), rows, {}, { accepted }).errors).toEqual([CANNOT]);
    const refused = [{ name: '0001_one', upChecksum: 'y', hasVerify: false }];
    expect(planned(manifestOf(one), [rowOf(one)], named, { refused }).errors).toEqual([CANNOT]);
  });

  test('is accepted in its own text alone, and for later under its own name alone', () => {
    const accepted = (name: string) => ({ accepted: [{ name, upChecksum: one.checksums.up }] });
    expect(planned(manifestOf(one), edited, {}, accepted('0001_one')).steps).toEqual([
      { type: 'accept', migration: one, sameStatements: false },
    ]);
    expect(planned(manifestOf(one), edited, {}, accepted('0002_two')).errors).toHaveLength(1);
    const both = [...accepted('0002_two').accepted, ...accepted('0001_one').accepted];
    expect(planned(manifestOf(one), edited, {}, { accepted: both }).errors).toEqual([]);
    const another = [{ name: '0001_one', upChecksum: 'y' }];
    expect(planned(manifestOf(one), edited, {}, { accepted: another }).errors).toHaveLength(1);
    const refused = [
      { name: '0002_two', upChecksum: 'z', hasVerify: false },
      { name: '0001_one', upChecksum: 'y', hasVerify: true },
    ];
    expect(
      planned(manifestOf(one), [rowOf(one)], { baseline: '0001_one', baselineOnly: true }, { refused }),
    ).toEqual({
      steps: [{ type: 'accept-later', migration: one, upChecksum: 'y' }],
      warnings: [],
      errors: [],
    });
    expect(planned(manifestOf(one), [rowOf(one)], { baseline: '0001_one' }, { refused }).steps).toEqual([]);
    const nothing = planned(manifestOf(one), [rowOf(one)], { baseline: '0001_one', baselineOnly: true });
    expect(nothing).toEqual({ steps: [], warnings: [], errors: [] });
  });

  test('the baseline of a stack is found under another number, and one that is typed is not', () => {
    const files = manifestOf(migration('0007_one', { up: ['SELECT 1'] }));
    expect(planned(files, [], { baseline: '0001_one' }).steps).toMatchObject([{ type: 'baseline' }]);
    expect(planned(files, [], { baseline: '0001_one', baselineOnly: true })).toMatchObject({
      errors: [{ message: 'there is no versioned migration 0001_one that could be the baseline' }],
    });
  });

  test('under a baseline by hand it is a warning', () => {
    const { warnings, errors } = planned(manifestOf(one, two), edited, {
      baseline: '0002_two',
      baselineOnly: true,
    });
    expect(errors).toEqual([]);
    expect(warnings).toEqual(['0001_one: 0001_one.sql was edited after it was applied']);
  });
});

describe('a file that stopped half way', () => {
  const partial = (of: Migration, change: Partial<LedgerMigration> = {}) =>
    rowOf(of, {
      state: 'partial',
      statement: 1,
      statementChecksums: [of.statements[0]!.checksum],
      ...change,
    });

  test('goes on, and may not be edited before that', () => {
    expect(planned(manifestOf(one), [partial(one)]).steps).toEqual([
      { type: 'apply', migration: one, from: 1, note: 'resumed' },
    ]);
    expect(planned(manifestOf(one), [partial(one, { statementChecksums: ['x'] })])).toEqual({
      steps: [],
      warnings: [],
      errors: [
        history(
          'stopped after statement 1, and those statements have been edited since',
          'Restore the statements that have run; you may edit those after them.',
        ),
      ],
    });
    const shorter = partial(one, {
      statement: 3,
      statementChecksums: [...one.statements, one.statements[0]!].map((s) => s.checksum),
    });
    expect(planned(manifestOf(one), [shorter]).errors).toHaveLength(1);
  });

  test('begins anew where it is a repeatable one', () => {
    const again = migration('R__again', { up: ['SELECT 1', 'SELECT 2'] });
    const rows = [partial(again, { statementChecksums: ['x'] })];
    expect(planned(manifestOf(again), rows).steps).toEqual([
      { type: 'apply', migration: again, from: 0, note: 'changed' },
    ]);
  });

  test('is proved once all of it has run, unless nothing can', () => {
    const unverified = (of: Migration) => [rowOf(of, { state: 'unverified' })];
    expect(planned(manifestOf(one), unverified(one)).steps).toEqual([{ type: 'verify', migration: one }]);
    const withoutVerify = { ...one, withoutVerify: 'a reason' };
    expect(planned(manifestOf(withoutVerify), unverified(withoutVerify)).steps).toEqual([
      { type: 'record-without-verify', migration: withoutVerify },
    ]);
  });
});

test('a repeatable one that changed is applied again', () => {
  const again = migration('R__again');
  expect(planned(manifestOf(again), [rowOf(again, { upChecksum: 'x' })])).toEqual({
    steps: [{ type: 'apply', migration: again, from: 0, note: 'changed' }],
    warnings: [],
    errors: [],
  });
});

test('proofs come first, and none of a file that a later one supersedes', () => {
  const half = { state: 'partial', statement: 1, statementChecksums: [one.statements[0]!.checksum] } as const;
  const later = migration('0003_three', { supersedes: ['0002_two'] });
  const types = (last: Migration) =>
    planned(manifestOf(one, two, last), [rowOf(one, half), rowOf(two, { state: 'unverified' })]).steps.map(
      ({ type, migration: { name } }) => `${type} ${name}`,
    );
  expect(types(three)).toEqual(['verify 0002_two', 'apply 0001_one', 'apply 0003_three']);
  expect(types(later)).toEqual(['record-without-verify 0002_two', 'apply 0001_one', 'apply 0003_three']);
});

describe('late, gone, or held by a baseline', () => {
  test('late is what is older than the newest that is applied', () => {
    const { steps, warnings } = planned(manifestOf(one, two, three), [rowOf(two)]);
    expect(steps).toEqual([
      { type: 'apply', migration: one, from: 0, note: 'out-of-order' },
      { type: 'apply', migration: three, from: 0, note: '' },
    ]);
    expect(warnings).toEqual([
      '0001_one has a lower number than the newest applied migration; it is applied out of order',
    ]);
  });

  test('as numbers, whatever their length, and not of what was undone, nor of repeatables', () => {
    const ten = migration('10_ten', { up: ['SELECT 10'] });
    const older = migration('2_two', { up: ['SELECT 2'] });
    const again = migration('R__again');
    const notes = (rows: readonly LedgerMigration[]) =>
      planned(manifestOf(migration('9_nine'), again), rows).steps.map((step) => 'note' in step && step.note);
    expect(notes([rowOf(ten)])).toEqual(['out-of-order', '']);
    expect(notes([rowOf(older)])).toEqual(['', '']);
    expect(notes([rowOf(ten), rowOf(older)])).toEqual(['out-of-order', '']);
    expect(notes([rowOf(older), rowOf(ten)])).toEqual(['out-of-order', '']);
    expect(notes([rowOf(ten, { state: 'undone' })])).toEqual(['', '']);
    expect(notes([rowOf(migration('R__10'))])).toEqual(['', '']);
  });

  test('what is applied and has no file any more stays', () => {
    expect(planned(manifestOf(two), [rowOf(one), rowOf(two)])).toEqual({
      steps: [],
      warnings: ['0001_one is applied, but its file is missing; it stays applied'],
      errors: [],
    });
    expect(planned(manifestOf(two), [rowOf(one, { state: 'undone' }), rowOf(two)]).warnings).toEqual([]);
    expect(planned(manifestOf(two), [rowOf(one, { state: 'partial' }), rowOf(two)]).warnings).toEqual([
      '0001_one is not finished, but its file is missing; it stays not finished',
    ]);
  });

  test('a baseline is recorded up to and with the one that is named', () => {
    const again = migration('R__again');
    const { steps } = planned(manifestOf(one, two, three, again), [], { baseline: '0002_two' });
    expect(steps.map(({ type, migration: { name } }) => `${type} ${name}`)).toEqual([
      'baseline 0001_one',
      'baseline 0002_two',
      'apply 0003_three',
      'apply R__again',
    ]);
  });

  test('number zero is under no baseline that nobody named', () => {
    const zero = migration('0000_zero');
    expect(planned(manifestOf(zero), []).steps).toEqual([
      { type: 'apply', migration: zero, from: 0, note: '' },
    ]);
  });

  test.each(['0009_other', 'R__again'])('no baseline: %s', (baseline) => {
    expect(planned(manifestOf(one, migration('R__again')), [], { baseline })).toEqual({
      steps: [],
      warnings: [],
      errors: [
        {
          code: 'manifest',
          message: `there is no versioned migration ${baseline} that could be the baseline`,
          remedy:
            'Name the last migration that the database already contains, by its file name without `.sql`.',
        },
      ],
    });
  });
});
