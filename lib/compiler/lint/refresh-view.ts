import { defineRule } from './rule';

export const refreshView = defineRule({
  id: 'refresh-view',
  consent: 'rewrites',
  title: 'REFRESH without CONCURRENTLY blocks readers of the view while it is computed.',
  says: (view: string) => ({
    what: `nobody can read ${view} while it is computed`,
    remedy: 'Write REFRESH MATERIALIZED VIEW CONCURRENTLY (it needs a unique index).',
  }),
  bad: ['REFRESH MATERIALIZED VIEW order_stats'],
  good: ['REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats'],
});
