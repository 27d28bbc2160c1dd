/** Which tenants a command is about, by its options. */
import { expect, test } from 'vitest';
import { resolveFleetSource } from '../../../lib/cli/fleet/open';

test.each([
  [{}, null],
  [{ stack: 'shop' }, null],
  [{ fleet: 'tenants.jsonl' }, { from: 'file', file: 'tenants.jsonl' }],
  [
    { fleet: 'tenants.jsonl', tenant: ['a'] },
    { from: 'file', file: 'tenants.jsonl' },
  ],
  [{ stack: 'shop', fleet: true }, { from: 'stack' }],
  [{ stack: 'shop', fleet: true, tenant: ['a'] }, { from: 'stack' }],
  [{ stack: 'shop', tenant: ['a'] }, { from: 'stack' }],
] as const)('%j', (options, expected) => {
  expect(resolveFleetSource(options)).toEqual(expected);
});

test.each([
  [{ fleet: true }, '--fleet needs a list of tenants'],
  [{ tenant: ['a'] }, '--tenant requires --fleet'],
  [{ fleet: 'tenants.jsonl', stack: 'shop' }, '--stack cannot be combined with --fleet'],
  [{ fleet: 'tenants.jsonl', workloadDays: 3 }, '--workload-days cannot be combined with --fleet'],
  [
    { fleet: true, stack: 'shop', concurrency: 4 },
    '--concurrency cannot be combined with --stack and a fleet',
  ],
  [{ tenant: ['a'], stack: 'shop', databaseUrl: 'postgres://h/d' }, '--database-url cannot be combined with'],
] as const)('%j is refused', (options, message) => {
  expect(() => resolveFleetSource(options)).toThrow(message);
});
