import { defineRule } from './rule';

export const cascade = defineRule({
  id: 'cascade',
  consent: 'destroys',
  title: 'CASCADE reaches objects that the statement does not name.',
  says: (what: string) => ({ what }),
  bad: ['DROP VIEW order_totals CASCADE'],
  good: ['DROP VIEW order_totals'],
});
