import { defineRule } from './rule';

export const opaqueCode = defineRule({
  id: 'opaque-code',
  consent: 'destroys',
  title: 'What a function, a procedure or a DO block does cannot be read from the statement.',
  says: (what: string) => ({ what: `what ${what} does cannot be seen` }),
  bad: ['DO $$ BEGIN UPDATE orders SET total = 0 WHERE total IS NULL; END $$'],
  good: ['UPDATE orders SET total = 0 WHERE total IS NULL'],
});
