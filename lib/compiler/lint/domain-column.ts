import { defineRule } from './rule';

export const domainColumn = defineRule({
  id: 'domain-column',
  consent: 'rewrites',
  title: 'A new column of a domain with a constraint rewrites the table.',
  says: (column: string) => ({
    what: `the type of ${column} is a domain; if it has a constraint, the table is rewritten`,
    remedy: 'Use the base type and a CHECK constraint that is NOT VALID.',
  }),
  bad: ['ALTER TABLE orders ADD COLUMN discount percent'],
  good: [
    'ALTER TABLE orders ADD COLUMN discount int',
    'ALTER TABLE orders ADD CONSTRAINT discount_known CHECK (discount BETWEEN 0 AND 100) NOT VALID',
  ],
});
