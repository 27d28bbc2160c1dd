import { defineRule } from './rule';

export const dropOwned = defineRule({
  id: 'drop-owned',
  consent: 'destroys',
  title: 'DROP OWNED drops objects that the statement does not name.',
  says: () => ({ what: 'DROP OWNED drops whatever the role owns' }),
  bad: ['DROP OWNED BY former_owner'],
  good: ['REASSIGN OWNED BY former_owner TO new_owner'],
});
