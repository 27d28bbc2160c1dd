import { defineRule } from './rule';

export const dataChangeUnderLock = defineRule({
  id: 'data-change-under-lock',
  consent: 'rewrites',
  title:
    'A data change in a transaction that blocks readers keeps them waiting until its last row is changed.',
  says: (command: string, changed: string, locked: string) => ({
    what: `${command} changes rows of ${changed} while nobody else can read ${locked}`,
    remedy: 'Move it to a separate file, before or after this one; as a batch if it changes many rows.',
  }),
  bad: ['ALTER TABLE orders ADD COLUMN source text', 'UPDATE payments SET amount = 0 WHERE amount IS NULL'],
  good: ['UPDATE payments SET amount = 0 WHERE amount IS NULL'],
});
