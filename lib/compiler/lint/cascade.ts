import { rule } from './rule';

export const cascade = rule({
  id: 'cascade',
  consent: 'destroys',
  title: 'CASCADE reaches objects that the statement does not name.',
  says: (what: string) => ({ what }),
  bad: ['DROP VIEW order_totals CASCADE'],
  good: ['DROP VIEW order_totals'],
});
