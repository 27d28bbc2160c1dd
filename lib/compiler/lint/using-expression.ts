import { defineRule } from './rule';

export const usingExpression = defineRule({
  id: 'using-expression',
  consent: 'destroys',
  title: 'USING recomputes every value of the column, and the old ones are lost.',
  says: (column: string) => ({ what: `USING replaces every value of ${column}` }),
  bad: ['ALTER TABLE orders ALTER COLUMN note TYPE int USING length(note)'],
  good: ['ALTER TABLE orders ADD COLUMN note_length int'],
});
