/** Each command that PostgreSQL refuses in a transaction block says what a later run has to look for. */
import { expect, test } from 'vitest';
import type { StatementTarget } from '../../../lambda/contract/manifest';
import {
  NON_TRANSACTIONAL_COMMANDS,
  type NonTransactionalCommand,
} from '../../../lib/compiler/rules/outside-commands';
import { FIXTURE, OUTSIDE } from '../samples';
import { CONSENT, compile, file } from '../support';

const index = { kind: 'index', schema: null, unique: false } as const;
const reindex = { ...index, action: 'reindex', name: null, table: null } as const;
const anyTimes: StatementTarget = { kind: 'maintenance', vacuumed: [] };
const subscription = { kind: 'subscription', name: 'S' } as const;

const CASES: Readonly<
  Record<NonTransactionalCommand, readonly (readonly [sql: string, target: StatementTarget])[]>
> = {
  'CREATE INDEX CONCURRENTLY': [
    [
      'CREATE INDEX CONCURRENTLY i ON orders (note)',
      { ...index, action: 'create', name: 'i', table: 'orders' },
    ],
  ],
  'CREATE UNIQUE INDEX CONCURRENTLY': [
    [
      'CREATE UNIQUE INDEX CONCURRENTLY i ON archive.orders (id)',
      { ...index, action: 'create', name: 'i', schema: 'archive', table: 'archive.orders', unique: true },
    ],
  ],
  'DROP INDEX CONCURRENTLY': [
    [
      'DROP INDEX CONCURRENTLY orders_total',
      { ...index, action: 'drop', name: 'orders_total', table: 'orders' },
    ],
    ['DROP INDEX CONCURRENTLY a, b', anyTimes],
  ],
  'REINDEX INDEX CONCURRENTLY': [
    ['REINDEX INDEX CONCURRENTLY orders_total', { ...reindex, name: 'orders_total', table: 'orders' }],
  ],
  'REINDEX TABLE CONCURRENTLY': [
    ['REINDEX TABLE CONCURRENTLY "Odd Name"', { ...reindex, table: '"Odd Name"' }],
  ],
  'REINDEX SCHEMA CONCURRENTLY': [['REINDEX SCHEMA CONCURRENTLY archive', { ...reindex, schema: 'archive' }]],
  'REINDEX DATABASE CONCURRENTLY': [['REINDEX DATABASE CONCURRENTLY app', reindex]],
  'REINDEX SCHEMA': [['REINDEX SCHEMA archive', { ...reindex, schema: 'archive' }]],
  'REINDEX DATABASE': [['REINDEX DATABASE app', reindex]],
  'REINDEX SYSTEM': [['REINDEX SYSTEM app', anyTimes]],
  VACUUM: [
    ['VACUUM orders, "Odd Name"', { kind: 'maintenance', vacuumed: ['orders', '"Odd Name"'] }],
    ['VACUUM (ANALYZE) orders', { kind: 'maintenance', vacuumed: ['orders'] }],
    ['VACUUM FULL orders', anyTimes],
    ['VACUUM', anyTimes],
  ],
  CLUSTER: [['CLUSTER', anyTimes]],
  'ALTER TABLE DETACH PARTITION CONCURRENTLY': [
    [
      'ALTER TABLE events DETACH PARTITION events_2025 CONCURRENTLY',
      { kind: 'partition', action: 'detach', table: 'events', partition: 'events_2025' },
    ],
  ],
  'CREATE SUBSCRIPTION': [
    [`CREATE SUBSCRIPTION "S" CONNECTION 'host=h' PUBLICATION p`, { ...subscription, action: 'create' }],
  ],
  'ALTER SUBSCRIPTION': [
    [
      'ALTER SUBSCRIPTION "S" SET PUBLICATION a, b',
      { ...subscription, action: 'set', publications: ['a', 'b'] },
    ],
    ['ALTER SUBSCRIPTION "S" ADD PUBLICATION a', { ...subscription, action: 'add', publications: ['a'] }],
    ['ALTER SUBSCRIPTION "S" DROP PUBLICATION a', { ...subscription, action: 'remove', publications: ['a'] }],
    ['ALTER SUBSCRIPTION "S" REFRESH PUBLICATION', anyTimes],
    ['ALTER SUBSCRIPTION "S" SET (failover = true)', anyTimes],
  ],
  'DROP SUBSCRIPTION': [['DROP SUBSCRIPTION "S"', { ...subscription, action: 'drop' }]],
};

const statementOf = async (sql: string) => {
  const { migrations } = await compile({
    '0001_fixture.sql': CONSENT + file(FIXTURE),
    '0002_sample.sql': CONSENT + file(sql),
  });
  return migrations[1]!.statements[0]!;
};

test.each(
  NON_TRANSACTIONAL_COMMANDS.flatMap((command) => CASES[command].map((one) => [command, ...one] as const)),
)('%s: %s', async (command, sql, target) => {
  expect(await statementOf(sql)).toMatchObject({ command, execution: 'non-transactional', target });
});

test('every sample that runs outside a transaction is one of these commands', async () => {
  for (const { sql } of OUTSIDE)
    expect(NON_TRANSACTIONAL_COMMANDS).toContain((await statementOf(sql)).command);
});
