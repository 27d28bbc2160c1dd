/** The folder of a fleet: a transaction, an index that is built outside one, and a table that is changed under a lock. */
import type { Manifest } from '../../lambda/contract/manifest';
import { manifestOf, migration } from './manifest';

const index = { kind: 'index', action: 'create', schema: null, table: 'orders', unique: false } as const;

export const fleetFolder = (): Manifest =>
  manifestOf(
    migration('0001_orders', {
      up: ['CREATE TABLE orders (id int)'],
      down: ['DROP TABLE orders'],
      verify: "SELECT trueup.has_table('orders')",
    }),
    migration('0002_index', {
      up: [
        {
          sql: 'CREATE INDEX CONCURRENTLY orders_id ON orders (id)',
          execution: 'non-transactional',
          target: { ...index, name: 'orders_id' },
        },
      ],
      verify: "SELECT trueup.is_indexed('orders', ARRAY['id'])",
    }),
    migration('0003_total', {
      up: [
        {
          sql: 'ALTER TABLE orders ADD total int',
          locks: [{ relation: 'orders', mode: 'ACCESS EXCLUSIVE', created: false }],
        },
      ],
      down: ['ALTER TABLE orders DROP total'],
      verify: "SELECT trueup.has_column('orders', 'total')",
    }),
  );
