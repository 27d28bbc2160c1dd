import { rule } from './rule';

export const dropContainer = rule({
  id: 'drop-container',
  consent: 'destroys',
  title: 'Dropping a schema or an extension drops what is in it.',
  says: (noun: string, name: string) => ({ what: `DROP ${noun} removes ${name} and what is in it` }),
  bad: ['DROP SCHEMA archive'],
  good: ['ALTER SCHEMA archive RENAME TO archive_2025'],
});
