import { defineRule } from './rule';

export const createIndex = defineRule({
  id: 'create-index',
  consent: 'rewrites',
  title: 'CREATE INDEX without CONCURRENTLY blocks writes to the table while it is built.',
  says: (table: string) => ({
    what: `${table} cannot be written to while the index is built`,
    remedy: 'Write CREATE INDEX CONCURRENTLY; Trueup runs it outside a transaction.',
  }),
  bad: ['CREATE INDEX orders_code ON orders (code)'],
  good: ['CREATE INDEX CONCURRENTLY orders_code ON orders (code)'],
});
