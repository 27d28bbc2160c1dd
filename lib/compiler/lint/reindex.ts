import { rule } from './rule';

export const reindex = rule({
  id: 'reindex',
  consent: 'rewrites',
  title: 'REINDEX without CONCURRENTLY lets nobody write the table while its indexes are built again.',
  says: (subject: string, noun: string) => ({
    what: `${subject} cannot be written while it is indexed again`,
    remedy: `Write REINDEX ${noun} CONCURRENTLY.`,
  }),
  bad: ['REINDEX TABLE orders'],
  good: ['REINDEX TABLE CONCURRENTLY orders'],
});
