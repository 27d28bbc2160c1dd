import { defineRule } from './rule';

export const truncate = defineRule({
  id: 'truncate',
  consent: 'destroys',
  title: 'TRUNCATE empties a table that had rows before this file.',
  says: (relation: string) => ({ what: `TRUNCATE empties ${relation}` }),
  bad: ['TRUNCATE payments'],
  good: ['CREATE TABLE staging (id int)', 'TRUNCATE staging'],
});
