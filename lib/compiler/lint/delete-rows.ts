import { defineRule } from './rule';

export const deleteRows = defineRule({
  id: 'delete-rows',
  consent: 'destroys',
  title: 'DELETE, and MERGE … DELETE, remove rows that were there before this file.',
  says: (command: string, relation: string) => ({ what: `${command} removes rows of ${relation}` }),
  bad: ['DELETE FROM payments WHERE amount = 0'],
  good: ['UPDATE payments SET amount = NULL WHERE amount = 0'],
});
