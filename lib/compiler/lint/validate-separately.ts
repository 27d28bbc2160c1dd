import { defineRule } from './rule';

export const validateSeparately = defineRule({
  id: 'validate-separately',
  consent: 'rewrites',
  title: 'VALIDATE CONSTRAINT beside other subcommands scans the table under their stronger lock.',
  says: (table: string) => ({
    what: `all of ${table} is scanned under the lock of the other subcommands`,
    remedy: 'Write VALIDATE CONSTRAINT as a separate statement: alone it blocks neither readers nor writers.',
  }),
  bad: ['ALTER TABLE orders ADD COLUMN source text, VALIDATE CONSTRAINT total_positive'],
  good: [
    'ALTER TABLE orders ADD COLUMN source text',
    'ALTER TABLE orders VALIDATE CONSTRAINT total_positive',
  ],
});
