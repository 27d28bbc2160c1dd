import { BACKFILL_REMEDY } from './backfill';
import { defineRule } from './rule';

export const volatileDefault = defineRule({
  id: 'volatile-default',
  consent: 'rewrites',
  title: 'A volatile default is computed for each row, so a new column with one rewrites the table.',
  says: (call: string, table: string) => ({
    what: `the default ${call}() is computed for every row of ${table}, which is rewritten`,
    remedy: BACKFILL_REMEDY,
  }),
  bad: ['ALTER TABLE orders ADD COLUMN key uuid DEFAULT gen_random_uuid()'],
  good: [
    'ALTER TABLE orders ADD COLUMN key uuid',
    'ALTER TABLE orders ALTER COLUMN key SET DEFAULT gen_random_uuid()',
  ],
});
