import { defineRule } from './rule';

export const rewriteTable = defineRule({
  id: 'rewrite-table',
  consent: 'rewrites',
  title: 'The subcommand copies every row of the table under a lock that blocks readers.',
  says: (what: string, remedy: string) => ({ what, remedy }),
  bad: ['ALTER TABLE orders SET UNLOGGED'],
  good: ['ALTER TABLE orders SET (fillfactor = 90)'],
});
