import { defineRule } from './rule';

export const dropColumn = defineRule({
  id: 'drop-column',
  consent: 'destroys',
  title: 'DROP COLUMN deletes the value of every row.',
  says: (column: string) => ({ what: `DROP COLUMN removes ${column}` }),
  bad: ['ALTER TABLE orders DROP COLUMN note'],
  good: ['CREATE TABLE staging (id int, note text)', 'ALTER TABLE staging DROP COLUMN note'],
});
