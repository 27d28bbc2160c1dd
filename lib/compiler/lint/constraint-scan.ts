import { defineRule } from './rule';

export const constraintScan = defineRule({
  id: 'constraint-scan',
  consent: 'rewrites',
  title: 'A new CHECK, foreign key or NOT NULL constraint reads the whole table while writers wait.',
  says: (table: string, what: string) => ({
    what: `all of ${table} is scanned to validate the ${what}`,
    remedy:
      'Add the constraint NOT VALID, and validate it in a separate statement: ALTER TABLE … VALIDATE CONSTRAINT …',
  }),
  bad: ['ALTER TABLE orders ADD CONSTRAINT number_positive CHECK (number > 0)'],
  good: [
    'ALTER TABLE orders ADD CONSTRAINT number_positive CHECK (number > 0) NOT VALID',
    'ALTER TABLE orders VALIDATE CONSTRAINT number_positive',
  ],
});
