import { defineRule } from './rule';

export const constraintIndex = defineRule({
  id: 'constraint-index',
  consent: 'rewrites',
  title: 'A key or an exclusion constraint builds its index while nobody can read or write the table.',
  says: (what: string, remedy: string) => ({ what, remedy }),
  bad: ['ALTER TABLE orders ADD CONSTRAINT orders_code UNIQUE (code)'],
  good: [
    'CREATE UNIQUE INDEX CONCURRENTLY orders_code ON orders (code)',
    'ALTER TABLE orders ADD CONSTRAINT orders_code UNIQUE USING INDEX orders_code',
  ],
});
