import { BACKFILL_REMEDY } from './backfill';
import { defineRule } from './rule';

export const serialColumn = defineRule({
  id: 'serial-column',
  consent: 'rewrites',
  title: 'A new serial or identity column rewrites the table to number its rows.',
  says: (form: string, column: string) => ({
    what: `the ${form} column ${column} rewrites the table to number its rows`,
    remedy: BACKFILL_REMEDY,
  }),
  bad: ['ALTER TABLE orders ADD COLUMN position bigserial'],
  good: [
    'CREATE SEQUENCE orders_position',
    'ALTER TABLE orders ADD COLUMN position bigint',
    "ALTER TABLE orders ALTER COLUMN position SET DEFAULT nextval('orders_position')",
  ],
});
