import type { DefectCase } from './case';

const works = { case: 'invalid-index', verdict: 'schema', repair: 'works' } as const;

export const invalidIndex: readonly DefectCase[] = [
  {
    name: 'a build that failed on duplicates',
    schema:
      'CREATE TABLE t (a int, b int);\nINSERT INTO t VALUES (1, 2), (1, 2);\nCREATE UNIQUE INDEX CONCURRENTLY ux ON t (a, b)',
    failing: 'INSERT INTO t VALUES (3, 4) ON CONFLICT (a, b) DO NOTHING',
    first: 'DELETE FROM t',
    says: /If the query returns rows.*settle them first.*Once it returns none.*REINDEX INDEX CONCURRENTLY public\.ux;/,
    ...works,
    repair: 'decides',
    sql: true,
    afterwards: 'REINDEX INDEX CONCURRENTLY public.ux',
    data: "SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass",
  },
  {
    name: 'the SQL as it is printed, while there are duplicates: nothing fails, and nothing is left behind',
    schema:
      'CREATE TABLE t (a int, b int);\nINSERT INTO t VALUES (1, 2), (1, 2);\nCREATE UNIQUE INDEX CONCURRENTLY ux ON t (a, b);\nREINDEX INDEX CONCURRENTLY ux',
    failing: 'INSERT INTO t VALUES (3, 4) ON CONFLICT (a, b) DO NOTHING',
    says: /to be dropped: DROP INDEX CONCURRENTLY public\.ux_ccnew;/,
    ...works,
    repair: 'decides',
    sql: true,
    afterwards: 'SELECT 1',
    data: "SELECT count(*) = 2 FROM pg_index WHERE indrelid = 't'::regclass",
  },
  {
    name: 'on no partition yet',
    schema:
      'CREATE TABLE t (a int, b int) PARTITION BY RANGE (a);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (9);\nCREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (9) TO (19);\nCREATE UNIQUE INDEX ux ON ONLY t (a, b)',
    failing: 'INSERT INTO t VALUES (3, 4) ON CONFLICT (a, b) DO NOTHING',
    says: /not on every partition/,
    ...works,
  },
  {
    name: 'on one partition of two',
    schema:
      'CREATE TABLE t (a int, b int) PARTITION BY RANGE (a);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (9);\nCREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (9) TO (19);\nCREATE UNIQUE INDEX ux ON ONLY t (a, b);\nCREATE UNIQUE INDEX t_1_a_b_key ON t_1 (a, b);\nALTER INDEX ux ATTACH PARTITION t_1_a_b_key',
    failing: 'INSERT INTO t VALUES (3, 4) ON CONFLICT (a, b) DO NOTHING',
    ...works,
  },
];
