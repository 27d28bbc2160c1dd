/** What a run comes to, as a person reads it in a stack's events and outputs. */
import { describe, expect, test } from 'vitest';
import type { RunReport, TenantFailure } from '../../lambda/contract/fleet-run';
import {
  buildFleetAttributes,
  describeStop,
  formatFailures,
  formatStates,
  listToleratedWarnings,
} from '../../lambda/fleet-run/messages';
import { EMPTY_REPORT } from '../../lambda/fleet-run/run';

const failed = (name: string, why = ''): TenantFailure => ({ name, server: 'main', state: 'failed', why });
const report = (change: Partial<RunReport>): RunReport => ({ ...EMPTY_REPORT, ...change });
const wrong = (count: number, ...failures: TenantFailure[]): RunReport =>
  report({ tenantCount: 40, states: { behind: 40 - count, failed: count }, wrong: count, failures });

test('how many are in each state', () => {
  expect(formatStates({ tenantCount: 1, states: {} })).toBe('1 tenant: none inspected');
  expect(formatStates({ tenantCount: 3, states: { behind: 2, gone: 1 } })).toBe(
    '3 tenants: 2 behind, 1 gone',
  );
});

test('failures are named, the rest are counted, and it ends in one full stop', () => {
  expect(formatFailures(wrong(1, failed('a')))).toBe('a on main (failed).');
  expect(formatFailures(wrong(2, failed('a', 'No.'), failed('b', 'No room.')))).toBe(
    'a on main (failed): No; b on main (failed): No room.',
  );
  const six = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => failed(name));
  expect(formatFailures(wrong(6, ...six))).toMatch(/; e on main \(failed\); and 1 more\.$/);
});

describe('why a run was stopped', () => {
  const blocked = { ...wrong(1, failed('a')), stopped: 'blocked' } as const;
  const states = 'a on main (failed). 40 tenants: 39 behind, 1 failed.';
  test.each([
    [0, 'Nothing was changed: 1 tenant cannot be migrated, and none may fail.'],
    [1, 'Nothing was changed: 1 tenant cannot be migrated, and at most 1 may fail.'],
    [2, 'Nothing was changed: 1 tenant cannot be migrated, and at most 2 may fail.'],
  ])('before anything is changed, with %i tolerated', (tolerated, words) => {
    expect(describeStop(blocked, tolerated, 1)).toBe(`${words} ${states}`);
  });
  test('after a wave, which is named', () => {
    const waves = ['canary', 'early'].map((name) => ({ name, tenantCount: 1, migrated: 0, failed: 1 }));
    const stopped = { ...wrong(1, failed('a')), stopped: 'failures', waves } as const;
    expect(describeStop(stopped, 0, 1)).toBe(
      `Stopped after wave early: 1 tenant failed, and none may fail. ${states} A rollback undoes what it safely can; what else was done is recorded, and the next deployment continues from there.`,
    );
  });
  test('among those that came meanwhile', () => {
    expect(describeStop(blocked, 0, 2)).toMatch(
      /^Tenants were added to the list during the deployment: 1 tenant cannot/,
    );
  });
  test('none was', () => expect(describeStop(wrong(1, failed('a')), 1, 1)).toBeNull());
});

test('a success says what it tolerated', () => {
  expect(listToleratedWarnings(EMPTY_REPORT)).toEqual([]);
  expect(listToleratedWarnings(wrong(2, failed('a')))).toEqual([
    '2 tenants within the failure limit and behind: a on main (failed); and 1 more.',
  ]);
});

describe('attributes of the custom resource: every one, always', () => {
  test('nothing is known', () => {
    expect(buildFleetAttributes(null, ['one', 'two'])).toEqual({
      Tenants: 'unknown',
      Failed: 'unknown',
      Undone: '0',
      Kept: 'unknown',
      Warnings: 'one; two',
    });
  });
  test('nothing is wrong', () => {
    expect(buildFleetAttributes(report({ tenantCount: 1, states: { 'up to date': 1 } }), [])).toEqual({
      Tenants: '1 tenant: 1 up to date',
      Failed: 'none',
      Undone: '0',
      Kept: 'none',
      Warnings: 'none',
    });
  });
  test('what a rollback left, the first of it', () => {
    const kept = ['0002', '0003'].map((name) => ({ tenant: 'a', name, reason: 'no down' }));
    expect(
      buildFleetAttributes({ ...wrong(1, failed('b')), undoneCount: 3, kept, keptCount: 7 }, ['x', 'y']),
    ).toEqual({
      Tenants: '40 tenants: 39 behind, 1 failed',
      Failed: 'b on main (failed)',
      Undone: '3',
      Kept: 'a: 0002 (no down), a: 0003 (no down), and 5 more',
      Warnings: 'x; y',
    });
  });
});
