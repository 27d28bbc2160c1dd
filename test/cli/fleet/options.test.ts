/** Which tenants a command is about, by its options. */
import { expect, test } from 'vitest';
import { fleetOf } from '../../../lib/cli/fleet/open';

test.each([
  [{}, null],
  [{ stack: 'shop' }, null],
  [{ fleet: 'targets.jsonl' }, { from: 'file', file: 'targets.jsonl' }],
  [
    { fleet: 'targets.jsonl', target: ['a'] },
    { from: 'file', file: 'targets.jsonl' },
  ],
  [{ stack: 'shop', fleet: true }, { from: 'stack' }],
  [{ stack: 'shop', fleet: true, target: ['a'] }, { from: 'stack' }],
  [{ stack: 'shop', target: ['a'] }, { from: 'stack' }],
] as const)('%j', (options, expected) => {
  expect(fleetOf(options)).toEqual(expected);
});

test.each([
  [{ fleet: true }, '--fleet has no list'],
  [{ target: ['a'] }, '--target is about a fleet'],
  [{ fleet: 'targets.jsonl', stack: 'shop' }, '--stack cannot be combined with --fleet'],
  [{ fleet: 'targets.jsonl', workloadDays: 3 }, '--workload-days cannot be combined with --fleet'],
  [
    { fleet: true, stack: 'shop', concurrency: 4 },
    '--concurrency cannot be combined with --stack and a fleet',
  ],
  [{ target: ['a'], stack: 'shop', databaseUrl: 'postgres://h/d' }, '--database-url cannot be combined with'],
] as const)('%j is refused', (options, message) => {
  expect(() => fleetOf(options)).toThrow(message);
});
