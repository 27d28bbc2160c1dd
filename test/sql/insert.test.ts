import { describe, expect, it } from 'vitest';
import { listTableNames, parseInserts, parseUpdates } from '../../lambda/sql/insert';
import { normalizeStatement } from '../../lambda/sql/tokens';

describe('what a statement gives', () => {
  it.each([
    ['INSERT INTO t (a, b) VALUES (1, $1)', ['a', 'b'], ['literal', 'expression']],
    ['INSERT INTO shop.t AS x (a) VALUES (NULL)', ['a'], ['null']],
    ['INSERT INTO t (a) VALUES (NULL::uuid)', ['a'], ['null']],
    ['INSERT INTO t (a, b) VALUES (DEFAULT, DEFAULT)', ['a', 'b'], ['default', 'default']],
    ['INSERT INTO t (a, b) VALUES (DEFAULT, 1), (2, 3)', ['a', 'b'], ['mixed', 'literal']],
    ['INSERT INTO t (a, b) OVERRIDING SYSTEM VALUE VALUES (1, NULL)', ['a', 'b'], ['literal', 'null']],
    ['INSERT INTO t DEFAULT VALUES', null, []],
    ['INSERT INTO t VALUES (1)', null, ['literal']],
    ['INSERT INTO t SELECT a, NULL, max(b, c) FROM s', null, ['expression', 'null', 'expression']],
    [
      'INSERT INTO t (a, b) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM t)',
      ['a', 'b'],
      ['expression', 'expression'],
    ],
    ['INSERT INTO t SELECT * FROM s', null, null],
    ['INSERT INTO t SELECT s.* FROM s', null, null],
    ['INSERT INTO t SELECT a FROM s UNION SELECT b FROM s', null, null],
    ['INSERT INTO t (SELECT 1, 2)', null, null],
    ['INSERT INTO t (a.street, b[1]) VALUES (1, 2)', ['a', 'b'], ['literal', 'literal']],
    ['COPY t (a, "B") FROM STDIN', ['a', 'B'], null],
    ['COPY t FROM STDIN WITH (FORMAT csv)', null, null],
    [
      'MERGE INTO t AS x USING s ON x.id = s.id WHEN MATCHED THEN UPDATE SET b = NULL WHEN NOT MATCHED AND s.c THEN INSERT (a, b) VALUES (s.a, NULL)',
      ['a', 'b'],
      ['expression', 'null'],
    ],
    ['MERGE INTO t USING s ON true WHEN NOT MATCHED THEN INSERT DEFAULT VALUES', null, []],
  ] as const)('%s', (sql, columns, gives) => {
    const [seen, ...more] = parseInserts(normalizeStatement(sql));
    expect(more).toEqual([]);
    expect({ table: seen!.table, columns: seen!.columns, gives: seen!.gives }).toEqual({
      table: 't',
      columns,
      gives,
    });
  });

  it('updates', () => {
    const sets = (sql: string) => Object.fromEntries(parseUpdates(normalizeStatement(sql))[0]?.sets ?? []);
    expect(sets('UPDATE ONLY shop.t AS x SET a = NULL, b = 1 WHERE c = 2')).toEqual({
      a: 'null',
      b: 'literal',
    });
    expect(sets('UPDATE t SET (a, b) = (SELECT 1, 2), c = DEFAULT')).toEqual({
      a: 'expression',
      b: 'expression',
      c: 'default',
    });
    expect(parseUpdates('SELECT 1 FROM t FOR UPDATE')).toEqual([]);
    const [upsert] = parseInserts(
      'INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = NULL, c = excluded.c',
    );
    expect(Object.fromEntries(upsert!.updates)).toEqual({ b: 'null', c: 'expression' });
    expect(parseUpdates('INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = NULL')).toEqual([]);
    const [merge] = parseInserts('MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET b = NULL');
    expect(Object.fromEntries(merge!.updates)).toEqual({ b: 'null' });
  });

  it('the elements of ON CONFLICT', () => {
    const [seen] = parseInserts(
      'INSERT INTO t VALUES (?) ON CONFLICT (a COLLATE "C" text_pattern_ops, lower(b), (c || d), "E" pg_catalog.int4_ops) WHERE x DO UPDATE SET a = ?',
    );
    expect(seen!.conflict).toMatchObject({
      columns: ['a', 'E'],
      expressions: ['lower(b)', '(c || d)'],
      predicate: 'x',
      action: 'update',
    });
    expect(
      seen!.conflict!.elements.map(({ collation, operatorClass }) => [collation, operatorClass]),
    ).toEqual([
      ['C', 'text_pattern_ops'],
      [null, null],
      [null, null],
      [null, 'int4_ops'],
    ]);
  });

  it('the tables', () => {
    expect(listTableNames('MERGE INTO t USING s ON true')).toEqual(['t', 's']);
    expect(listTableNames('COPY shop."T" FROM STDIN')).toEqual(['T', 'stdin']);
  });
});
