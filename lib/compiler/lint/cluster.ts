import { defineRule } from './rule';

export const cluster = defineRule({
  id: 'cluster',
  consent: 'rewrites',
  title: 'CLUSTER rewrites the table under a lock that blocks readers.',
  says: (what: string) => ({ what: `CLUSTER rewrites ${what}` }),
  bad: ['CLUSTER orders USING orders_number'],
  good: ['ALTER TABLE orders CLUSTER ON orders_number'],
});
