/** What a rollback undoes and keeps, and why, one reason after the other. Without a database. */
import { expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import {
  hashManifestEntries,
  type Manifest,
  type Migration,
  serializeRecordedDown,
  toManifestEntry,
} from '../../../lambda/contract/manifest';
import type { LedgerMigration, UndoableDeployment } from '../../../lambda/engine/ledger/ledger';
import { planRollback } from '../../../lambda/engine/plan/rollback';
import { ledgerOf, rowOf } from '../../support/ledger-row';
import { manifestOf, migration, request } from '../../support/manifest';

const locks = [{ relation: 't', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const base = migration('0001_base');
const added = migration('0002_added', {
  up: ['ALTER TABLE t ADD n int'],
  down: [{ sql: 'ALTER TABLE t DROP n', locks }],
  settings: { lockTimeoutMs: 250, statementTimeoutMs: 2_000 },
});
const last = migration('0003_last', { down: ['SELECT 3'] });
const old = manifestOf(base);
const next = manifestOf(base, added, last);

const row = (of: Migration, change: Partial<LedgerMigration> = {}): LedgerMigration =>
  rowOf(of, { deployment: of === base ? 'first' : 'failed', ...change });

const recordOf = (manifest: Manifest): UndoableDeployment => ({
  id: 'failed',
  entries: manifest.migrations.map(toManifestEntry),
  downs: Object.fromEntries(
    manifest.migrations.map((m) => [m.name, m.down.length > 0 ? serializeRecordedDown(m.down) : null]),
  ),
});

interface Change {
  readonly rows?: readonly LedgerMigration[];
  readonly record?: UndoableDeployment | null;
  readonly manifest?: Manifest;
  readonly asked?: Partial<ConvergeRequest>;
}

const failed = (reportedSuccess: boolean | 'unknown' = false) => ({
  manifestHash: next.hash,
  reportedSuccess,
});

function planned({
  rows = [row(base), row(added), row(last)],
  record = recordOf(next),
  ...change
}: Change = {}) {
  const { manifest = old, asked = {} } = change;
  const request_ = request(manifest, { direction: 'rollback', failed: failed(), ...asked });
  return planRollback(manifest, ledgerOf(rows), record, request_);
}

test('the newest is undone first, as it was recorded and with its own limits', () => {
  const { undo, kept, restore, warnings } = planned();
  expect({ kept, restore, warnings }).toEqual({ kept: [], restore: [], warnings: [] });
  expect(undo.map(({ name }) => name)).toEqual(['0003_last', '0002_added']);
  expect(undo[1]).toEqual({
    name: '0002_added',
    statements: [
      {
        execution: 'transaction',
        sql: 'ALTER TABLE t DROP n',
        command: 'ALTER TABLE',
        locks: [{ relation: 't', mode: 'ACCESS EXCLUSIVE' }],
        line: 3,
      },
    ],
    limits: { lockTimeoutMs: 250, statementTimeoutMs: 2_000 },
    partial: false,
  });
  expect(undo[0]!.limits).toEqual({ lockTimeoutMs: undefined, statementTimeoutMs: undefined });
});

test('what stopped half way may lack what its down removes', () => {
  const rows = [row(base), row(added, { state: 'partial' })];
  expect(planned({ rows }).undo).toMatchObject([{ name: '0002_added', partial: true }]);
});

test.each<[string, Change]>([
  ['it is not known whether this is a rollback', { asked: { direction: 'unknown' } }],
  ['it is not known which deployment failed', { asked: { failed: null } }],
  [
    'it is not known whether the new application is already running',
    { asked: { failed: failed('unknown') } },
  ],
  [
    'the schema was ready before something else failed, so the new application may be running',
    { asked: { failed: failed(true) } },
  ],
  [
    "the ledger's entries of the failed deployment do not produce the manifest hash that CloudFormation names",
    { asked: { failed: { manifestHash: old.hash, reportedSuccess: false } } },
  ],
])('everything is kept: %s', (reason, change) => {
  expect(planned(change)).toEqual({
    undo: [],
    restore: [],
    warnings: [],
    kept: ['0002_added', '0003_last'].map((name) => ({ name, reason })),
  });
});

test('everything that this code does not know is kept where the failed deployment was never recorded', () => {
  const reason = 'the newest deployment in the ledger is not the one that failed';
  const { undo, kept } = planned({ record: null, rows: [row(base), row(added, { deployment: 'older' })] });
  expect({ undo, kept }).toEqual({ undo: [], kept: [{ name: '0002_added', reason }] });
});

test('a stack may ask to undo after success too', () => {
  const asked = { rollbackAfterSuccess: true, failed: failed(true) };
  expect(planned({ asked }).undo).toHaveLength(2);
  expect(planned({ asked: { ...asked, failed: failed('unknown') } }).undo).toHaveLength(2);
});

const record = recordOf(next);
const byName = migration('0002_added', { down: ['SELECT 1'], undo: 'by-name' });
const noDown = migration('0002_added');
const repeatable = migration('R__again');
test.each<[string, Change]>([
  ['it has no down section', { record: recordOf(manifestOf(base, noDown, last)) }],
  [
    'its down section runs only when a person names it: trueup down 0002_added',
    { record: recordOf(manifestOf(base, byName, last)) },
  ],
  [
    'it existed before; the deployment only recorded it',
    { record: { ...record, downs: { ...record.downs, '0002_added': null } } },
  ],
  [
    'its down section in the ledger has changed since the deployment',
    { record: { ...record, downs: { ...record.downs, '0002_added': serializeRecordedDown(last.down) } } },
  ],
  ['the failed deployment did not record it', { record: recordOf(manifestOf(base, last)) }],
])('one is kept: %s', (reason, change) => {
  const manifestHash = hashManifestEntries(change.record!.entries);
  const { undo, kept } = planned({ ...change, asked: { failed: { manifestHash, reportedSuccess: false } } });
  expect(kept).toEqual([{ name: '0002_added', reason }]);
  expect(undo.map(({ name }) => name)).toEqual(['0003_last']);
});

test('a repeatable that the older code has comes back, one that it does not have stays', () => {
  const [own, newer] = [repeatable, migration('R__newer')];
  const both = manifestOf(base, own, newer);
  const { undo, kept, restore } = planned({
    manifest: manifestOf(base, own),
    record: recordOf(both),
    rows: [row(base), row(own), row(newer)],
    asked: { failed: { manifestHash: both.hash, reportedSuccess: false } },
  });
  expect({ undo, restore }).toEqual({ undo: [], restore: [own] });
  expect(kept).toEqual([
    { name: 'R__newer', reason: 'it is a repeatable migration that the older code does not have' },
  ]);
  const before = planned({
    manifest: manifestOf(base, own),
    rows: [row(base), row(own, { deployment: 'first' })],
  });
  expect(before.restore).toEqual([]);
});

test('what an older deployment left is told and left, what is undone is no news', () => {
  const rows = [row(base), row(added, { deployment: 'older' }), row(last, { state: 'undone' })];
  expect(planned({ rows })).toEqual({
    undo: [],
    kept: [],
    restore: [],
    warnings: ['0002_added is applied, but its file is missing; it stays applied'],
  });
});

test('a versioned file that the older code has too is neither undone nor run again', () => {
  expect(planned({ manifest: next })).toEqual({ undo: [], kept: [], restore: [], warnings: [] });
});

test('a resource that is removed takes back its own files too', () => {
  const asked = { remove: true };
  const rows = [row(base, { deployment: 'older' }), row(added), row(last)];
  const { undo, warnings } = planned({ manifest: next, rows, asked });
  expect(undo.map(({ name }) => name)).toEqual(['0003_last', '0002_added']);
  expect(warnings).toEqual([]);
});
