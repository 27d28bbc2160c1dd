import { defineRule } from './rule';

export const setNotNull = defineRule({
  id: 'set-not-null',
  consent: 'rewrites',
  title:
    'SET NOT NULL reads the whole table under a lock that blocks readers, unless a validated CHECK proves the same.',
  says: (table: string, column: string) => ({
    what: `all of ${table} is scanned to check that ${column} holds no NULL`,
    remedy: `First ADD CONSTRAINT … CHECK (${column} IS NOT NULL) NOT VALID and VALIDATE it; then no scan is needed.`,
  }),
  bad: ['ALTER TABLE orders ALTER COLUMN total SET NOT NULL'],
  good: [
    'ALTER TABLE orders ADD CONSTRAINT total_known CHECK (total IS NOT NULL) NOT VALID',
    'ALTER TABLE orders VALIDATE CONSTRAINT total_known',
    'ALTER TABLE orders ALTER COLUMN total SET NOT NULL',
  ],
});
