import { defineRule } from './rule';

export const dropRelation = defineRule({
  id: 'drop-relation',
  consent: 'destroys',
  title: 'Dropping a table, a materialized view or a sequence deletes its contents.',
  says: (noun: string, relation: string) => ({ what: `DROP ${noun} removes ${relation}` }),
  bad: ['DROP TABLE payments'],
  good: ['CREATE TABLE staging (id int)', 'DROP TABLE staging'],
});
