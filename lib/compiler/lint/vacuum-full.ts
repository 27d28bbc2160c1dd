import { defineRule } from './rule';

export const vacuumFull = defineRule({
  id: 'vacuum-full',
  consent: 'rewrites',
  title: 'VACUUM FULL rewrites the table under a lock that blocks readers.',
  says: () => ({ what: 'VACUUM FULL rewrites the table', remedy: 'Write VACUUM without FULL.' }),
  bad: ['VACUUM FULL orders'],
  good: ['VACUUM orders'],
});
