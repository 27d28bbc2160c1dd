import { defineRule } from './rule';

export const refreshNoData = defineRule({
  id: 'refresh-no-data',
  consent: 'destroys',
  title: 'REFRESH … WITH NO DATA empties the view, and it cannot be read until it is filled again.',
  says: (view: string) => ({ what: `REFRESH WITH NO DATA empties ${view}, which then cannot be read` }),
  bad: ['REFRESH MATERIALIZED VIEW order_stats WITH NO DATA'],
  good: ['REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats'],
});
