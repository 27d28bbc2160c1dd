import { rule } from './rule';

export const unseenTrigger = rule({
  id: 'unseen-trigger',
  consent: 'destroys',
  title:
    'The statement fires a trigger or a rule that this file made, and what that does cannot be read from it.',
  says: (event: string, relation: string) => ({
    what: `${event} on ${relation} runs what this file hung on it, and the inside of that cannot be seen`,
  }),
  bad: [
    'CREATE TRIGGER touched BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION touch()',
    'UPDATE payments SET amount = 0 WHERE amount IS NULL',
  ],
  good: [
    'UPDATE payments SET amount = 0 WHERE amount IS NULL',
    'CREATE TRIGGER touched BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION touch()',
  ],
});
