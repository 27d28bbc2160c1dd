/** What takes seconds of planning: a function that sleeps while the server plans, a thousand statements. */
import { describe, expect, test } from 'vitest';
import { majors, outerMajors } from '../support/database';
import { brief, shop } from '../workload/support';

describe.each(majors())('PostgreSQL %i', (major) => {
  test.runIf(outerMajors().includes(major))(
    'a function that sleeps is ended, and what comes after it is not asked',
    async () => {
      const { plan } = await shop(
        major,
        `CREATE TABLE t (a int); CREATE FUNCTION sleeps() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(60); RETURN 1; END $$`,
      );
      const slow = 'undecided: planning it took too long';
      const verdicts = await plan(['SELECT a FROM t', 'SELECT sleeps() FROM t', 'SELECT a FROM t'], {
        budgetMs: 0,
      });
      expect(verdicts).toHaveLength(3);
      const within = await plan(['SELECT a FROM t', 'SELECT sleeps() FROM t', 'SELECT a FROM t'], {
        budgetMs: 1_000,
      });
      expect(within.map(brief)).toEqual(['plans', slow, slow]);
    },
  );

  test('a thousand statements over two hundred tables, and a thousand partitions', async () => {
    const { client, plan } = await shop(
      major,
      `DO $$ BEGIN FOR i IN 1..200 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text NOT NULL, b int)', i); END LOOP; END $$`,
    );
    const texts = Array.from({ length: 200 }, (_, i) => [
      `SELECT a, b FROM t${i + 1} WHERE id = $1`,
      `INSERT INTO t${i + 1} (id, a) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET a = $3`,
      `UPDATE t${i + 1} SET a = $1 WHERE id = $2`,
      `DELETE FROM t${i + 1} WHERE id = $1`,
      `SELECT x.a FROM t${i + 1} x JOIN t1 y ON y.id = x.b WHERE y.a = $1 ORDER BY x.id`,
    ]).flat();
    const began = Date.now();
    const verdicts = await plan(texts);
    console.info(`PostgreSQL ${major}: ${texts.length} statements in ${Date.now() - began} ms`);
    expect(new Set(verdicts.map(brief))).toEqual(new Set(['plans']));
    await client.query('CREATE TABLE p (k int NOT NULL, a text NOT NULL) PARTITION BY LIST (k)');
    for (let i = 0; i < 1_000; i += 50)
      await client.query(
        Array.from(
          { length: 50 },
          (_, k) => `CREATE TABLE p${i + k} PARTITION OF p FOR VALUES IN (${i + k});`,
        ).join(''),
      );
    const partitions = await plan(['SELECT a FROM p WHERE a = $1', 'INSERT INTO p (k) VALUES ($1)']);
    expect(partitions.map(brief)).toEqual(['plans', 'would fail 23502 a']);
  });
});
