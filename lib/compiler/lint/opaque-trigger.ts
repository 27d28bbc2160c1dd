import { defineRule } from './rule';

export const opaqueTrigger = defineRule({
  id: 'opaque-trigger',
  consent: 'destroys',
  title:
    'The statement fires a trigger or a rule that this file creates, and what that does cannot be read from the statement.',
  says: (event: string, relation: string) => ({
    what: `${event} on ${relation} fires a trigger or rule of this file, and what that does cannot be seen`,
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
