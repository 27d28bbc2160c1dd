/** Errors are counted by what they are about. */
import { describe, expect, it } from 'vitest';
import { at, CONFLICT, collect, notNull } from './lines';

describe('grouping', () => {
  it('by table, column and conflict target, not by values', () => {
    const insert = (target: string, value: number): string[] => [
      at(1, CONFLICT),
      at(1, `STATEMENT:  INSERT INTO m (a, b) VALUES (${value}, 2) ON CONFLICT ${target} DO NOTHING`),
    ];
    const { groups } = collect([
      ...insert('(a)', 1),
      ...insert('(a)', 2),
      ...insert('(b)', 3),
      ...insert('(b) WHERE x', 3),
      at(1, notNull('a')),
      at(1, notNull('a')),
      at(1, notNull('a', 'x')),
      at(1, notNull('b')),
    ]);
    expect(groups.map(({ count }) => count)).toEqual([2, 2, 1, 1, 1, 1]);
  });

  it('a count belongs to the statement and the role that it is printed with', () => {
    const as = (user: string, text: string): string => at(1, text).replace(':app@', `:${user}@`);
    const failed = (user: string, statement: string): string[] => [
      as(user, notNull('a')),
      as(user, `STATEMENT:  ${statement}`),
    ];
    const { groups } = collect([
      ...failed('app', 'INSERT INTO a (id) VALUES (NULL)'),
      ...[...Array(5)].flatMap((_, i) => failed('worker', `INSERT INTO a (x) VALUES (${i})`)),
      ...failed('app', 'INSERT INTO a (x) VALUES (7)'),
      ...[...Array(10)].flatMap((_, i) => failed('app', `INSERT INTO a (x${i}) VALUES (7)`)),
    ]);
    expect(groups).toMatchObject([
      { count: 17, user: 'worker', statement: 'INSERT INTO a (x) VALUES (?)', otherUses: 7 },
    ]);
    expect(groups[0]!.uses.slice(0, 3)).toEqual([
      { count: 5, user: 'worker', statement: 'INSERT INTO a (x) VALUES (?)' },
      { count: 1, user: 'app', statement: 'INSERT INTO a (id) VALUES (NULL)' },
      { count: 1, user: 'app', statement: 'INSERT INTO a (x) VALUES (?)' },
    ]);
    expect(groups[0]!.uses).toHaveLength(6);
  });

  it('a duplicate key by its constraint and the columns that the INSERT gives', () => {
    const failed = (statement: string): string[] => [
      at(1, 'ERROR:  duplicate key value violates unique constraint "t_pkey"'),
      at(1, `STATEMENT:  ${statement}`),
    ];
    const { groups } = collect([
      ...failed('INSERT INTO t (id, x) VALUES (1, 2)'),
      ...failed('INSERT INTO t (id, x) VALUES (3, 4)'),
      ...failed('INSERT INTO t (x) VALUES (4)'),
    ]);
    expect(groups.map(({ constraint, count }) => [constraint, count])).toEqual([
      ['t_pkey', 2],
      ['t_pkey', 1],
    ]);
  });

  it('text that is too long for a name is not taken for one; an odd name is', () => {
    const odd = (column: string): string =>
      at(1, `ERROR:  null value in column "${column}" of relation "t" violates not-null constraint`);
    const { groups } = collect([
      at(1, notNull('x'.repeat(64))),
      odd('a\n\tb'),
      odd('\u001b[31m'),
      odd('a"b'),
    ]);
    expect(groups.map(({ column }) => column)).toEqual(['a\nb', '\u001b[31m', 'a"b']);
  });

  it('500 tables that fail at once are told apart', () => {
    const { groups, collection } = collect([...Array(500)].map((_, i) => at(i, notNull(`t_${i}`))));
    expect(new Set(groups.map(({ table }) => table)).size).toBe(500);
    expect(collection.overflow).toBe(0);
  });
});
