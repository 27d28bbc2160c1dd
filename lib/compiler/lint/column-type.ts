import { defineRule } from './rule';

export const columnType = defineRule({
  id: 'column-type',
  consent: 'rewrites',
  title: 'A new type rewrites the table under a lock that blocks readers.',
  says: (column: string, widens: boolean) => ({
    what: `the new type of ${column} ${widens ? 'may rewrite' : 'rewrites'} the table`,
    remedy: widens
      ? 'If only the limit of the type grows, or varchar becomes text, nothing is rewritten: then consent and say so. Otherwise, if the table is large, add a new column, fill it in a batch, and switch over.'
      : 'If the table is large, add a new column, fill it in a batch, and switch over.',
  }),
  bad: ['ALTER TABLE orders ALTER COLUMN number TYPE bigint'],
  good: ['ALTER TABLE orders ADD COLUMN number_wide bigint'],
});
