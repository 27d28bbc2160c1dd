import { defineRule } from './rule';

export const storedColumn = defineRule({
  id: 'stored-column',
  consent: 'rewrites',
  title: 'A stored generated column is computed for each row, so a new one rewrites the table.',
  says: (column: string) => ({ what: `the generated column ${column} is stored, which rewrites the table` }),
  bad: ['ALTER TABLE orders ADD COLUMN twice numeric GENERATED ALWAYS AS (total * 2) STORED'],
  good: ['CREATE VIEW doubled AS SELECT id, total * 2 AS twice FROM orders'],
});
