import { defineRule } from './rule';

export const reindex = defineRule({
  id: 'reindex',
  consent: 'rewrites',
  title: 'REINDEX without CONCURRENTLY blocks writes to the table while its indexes are rebuilt.',
  says: (subject: string, noun: string) => ({
    what: `${subject} cannot be written to while it is reindexed`,
    remedy: `Write REINDEX ${noun} CONCURRENTLY.`,
  }),
  bad: ['REINDEX TABLE orders'],
  good: ['REINDEX TABLE CONCURRENTLY orders'],
});
