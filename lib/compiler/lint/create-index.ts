import { rule } from './rule';

export const createIndex = rule({
  id: 'create-index',
  consent: 'rewrites',
  title: 'CREATE INDEX without CONCURRENTLY lets nobody write the table while it is built.',
  says: (table: string) => ({
    what: `${table} cannot be written while the index is built`,
    remedy: 'Write CREATE INDEX CONCURRENTLY; it runs outside a transaction by itself.',
  }),
  bad: ['CREATE INDEX orders_code ON orders (code)'],
  good: ['CREATE INDEX CONCURRENTLY orders_code ON orders (code)'],
});
