import { defineRule } from './rule';

export const domainConstraint = defineRule({
  id: 'domain-constraint',
  consent: 'rewrites',
  title:
    'A new constraint on a domain scans every table that uses the domain, and blocks its writers meanwhile.',
  says: () => ({
    what: 'every table with a column of the domain is scanned, and cannot be written to meanwhile',
    remedy: 'A CHECK constraint on the tables can be validated without blocking writers.',
  }),
  bad: ['ALTER DOMAIN percent ADD CONSTRAINT not_one CHECK (VALUE <> 1)'],
  good: [
    'ALTER TABLE shares ADD CONSTRAINT not_one CHECK (share <> 1) NOT VALID',
    'ALTER TABLE shares VALIDATE CONSTRAINT not_one',
  ],
});
