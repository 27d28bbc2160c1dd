import { rule } from './rule';

export const usingValues = rule({
  id: 'using-values',
  consent: 'destroys',
  title: 'USING recomputes every value of the column, and the old ones are lost.',
  says: (column: string) => ({ what: `USING replaces every value of ${column}` }),
  bad: ['ALTER TABLE orders ALTER COLUMN note TYPE int USING length(note)'],
  good: ['ALTER TABLE orders ADD COLUMN note_length int'],
});
