/** Errors are counted by what they are about. */
import { describe, expect, it } from 'vitest';
import { ErrorCollection } from '../../../lambda/page/logs/collect';
import type { ReadError } from '../../../lambda/page/logs/error-reader';
import { at, CONFLICT, collect, notNull } from '../lines';

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

const ERROR: ReadError = {
  signature: 'not-null',
  sqlstate: '23502',
  message: 'm',
  names: { table: 't', column: 'c' },
  logGroup: 'g',
  database: 'd',
  user: 'u',
  statement: 'INSERT INTO t',
  timeMs: 1_000,
  zone: null,
  ingestedMs: 1_500,
};
const counted = (...errors: Partial<ReadError>[]): ErrorCollection => {
  const collection = new ErrorCollection();
  for (const error of errors) collection.error({ ...ERROR, ...error });
  return collection;
};
const sizes = (...errors: Partial<ReadError>[]): number[] =>
  counted(...errors)
    .result()
    .map(({ count }) => count);

describe('what is counted', () => {
  it('the first and the last of them, whatever their order, and when the first came in', () => {
    const times = [3_000, 1_000, 2_000].map((timeMs) => ({ timeMs, ingestedMs: timeMs + 1 }));
    expect(counted(...times).result()).toMatchObject([
      {
        first: '1970-01-01T00:00:01.000Z',
        last: '1970-01-01T00:00:03.000Z',
        firstIngestedMs: 1_001,
        count: 3,
      },
    ]);
  });

  it('the most frequent first, then the earliest', () => {
    const table = (name: string, timeMs: number) => ({ names: { table: name }, timeMs });
    const tables = counted(
      table('late', 3_000),
      table('early', 1_000),
      table('often', 2_000),
      table('often', 2_000),
    );
    expect(tables.result().map((group) => group.table)).toEqual(['often', 'early', 'late']);
  });

  it('apart by database; by log group only where there is no database', () => {
    expect(sizes({}, { database: 'other' })).toEqual([1, 1]);
    expect(sizes({}, { logGroup: 'other' })).toEqual([2]);
    expect(sizes({ database: '' }, { database: '', logGroup: 'other' })).toEqual([1, 1]);
    expect(sizes({}, { signature: 'other' })).toEqual([1, 1]);
  });

  it('apart by table, column, function and constraint', () => {
    expect(sizes({}, { message: 'other', statement: 'other' })).toEqual([2]);
    expect(sizes({ names: { function: 'f' } }, { names: { function: 'f' }, statement: 'other' })).toEqual([
      2,
    ]);
    expect(sizes({ names: { function: 'f' } }, { names: { function: 'g' } })).toEqual([1, 1]);
    expect(sizes({}, { names: { table: 't', column: 'c', constraint: 'x' } })).toEqual([1, 1]);
  });

  it('apart by message and tables where only types are named', () => {
    const about = (statement: string | null, message = 'm') => ({ names: {}, statement, message });
    expect(sizes(about(null), about(null))).toEqual([2]);
    expect(sizes(about(null), about(null, 'other'))).toEqual([1, 1]);
    expect(sizes(about('SELECT FROM a'), about('SELECT 1 FROM a'))).toEqual([2]);
    expect(sizes(about('SELECT FROM a'), about('SELECT FROM b'))).toEqual([1, 1]);
    expect(sizes(about('SELECT FROM a'), about('SELECT FROM a', 'other'))).toEqual([1, 1]);
    const target = (columns: string) =>
      about(`INSERT INTO a (x) VALUES (?) ON CONFLICT (${columns}) DO NOTHING`);
    expect(sizes(target('x'), target('x'))).toEqual([2]);
    expect(sizes(target('x'), target('y'))).toEqual([1, 1]);
  });

  it('a statement that was logged stands for those that are missing', () => {
    const missing = { statement: null, user: 'most' };
    expect(counted(missing, missing, {}).result()).toMatchObject([{ statement: 'INSERT INTO t', user: 'u' }]);
    expect(counted(missing).result()).toMatchObject([{ statement: null, user: 'most', otherUses: 0 }]);
  });

  it('what is aborted belongs to its cause, if that is counted', () => {
    const collection = counted({});
    collection.aborted(ERROR);
    collection.aborted({ ...ERROR, database: 'other' });
    expect(collection.result()).toMatchObject([{ count: 1, aborted: 1 }]);
  });

  it('no more than a thousand objects; the rest is a number', () => {
    const tables = Array.from({ length: 1_002 }, (_, i) => ({ names: { table: `t${i}` } }));
    const collection = counted(...tables, { names: { table: 't0' } });
    expect([collection.result().length, collection.overflow]).toEqual([1_000, 2]);
    expect([...collection.keys()]).toHaveLength(1_000);
    expect(collection.result()[0]).toMatchObject({ table: 't0', count: 2 });
  });
});
