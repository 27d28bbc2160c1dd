/** Planning a thousand statements as a migration does, beside a bare loop of PREPARE and EXPLAIN over the same texts. */
import { Client } from 'pg';
import { PLANNING_FUNCTIONS_SQL } from '../lambda/workload/sql';
import { listInstalledMajors } from '../lib/scratch-postgres/binaries';
import { startPostgres } from '../lib/scratch-postgres/server';

export interface Planning {
  readonly major: number;
  readonly statements: number;
  readonly planMs: number;
  readonly bareMs: number;
  /** Ten times as many. */
  readonly largeMs: number;
}

export const TABLES = 200;
export const ROLE = 'bench_application';

/** What the server cannot do without, for each statement: analyse, plan, undo. */
const BARE = `CREATE FUNCTION bare(texts text[]) RETURNS int LANGUAGE plpgsql AS $fn$
DECLARE
  sent text; types text[]; plan json;
BEGIN
  FOREACH sent IN ARRAY texts LOOP
    BEGIN
      PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
      EXECUTE 'PREPARE bare AS ' || sent;
      SELECT parameter_types::text[] INTO types FROM pg_prepared_statements WHERE name = 'bare';
      EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE bare'
        || CASE WHEN types = '{}' THEN '' ELSE '(' || array_to_string(array_fill('NULL'::text, ARRAY[cardinality(types)]), ', ') || ')' END INTO plan;
      RAISE EXCEPTION USING ERRCODE = 'TU003';
    EXCEPTION WHEN SQLSTATE 'TU003' THEN NULL;
    END;
    DEALLOCATE bare;
  END LOOP;
  RETURN 0;
END
$fn$`;

export const buildTexts = (tables: number): string[] =>
  Array.from({ length: tables }, (_, i) => [
    `SELECT a, b FROM t${i + 1} WHERE id = $1`,
    `INSERT INTO t${i + 1} (id, a) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET a = $3`,
    `UPDATE t${i + 1} SET a = $1 WHERE id = $2`,
    `DELETE FROM t${i + 1} WHERE id = $1`,
    `SELECT x.a FROM t${i + 1} x JOIN t1 y ON y.id = x.b WHERE y.a = $1 ORDER BY x.id`,
  ]).flat();

/** On the oldest PostgreSQL that is installed, where it takes longest. */
export async function measurePlanning(runs: number): Promise<Planning> {
  const server = await startPostgres({ major: Math.min(...listInstalledMajors()) });
  const client = new Client({ connectionString: server.url() });
  try {
    await client.connect();
    await client.query(
      `CREATE ROLE ${ROLE}; CREATE SCHEMA trueup; DO $$ BEGIN FOR i IN 1..${TABLES} LOOP
         EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text NOT NULL, b int)', i); END LOOP; END $$;
       GRANT ALL ON ALL TABLES IN SCHEMA public TO ${ROLE}`,
    );
    for (const each of [...PLANNING_FUNCTIONS_SQL, BARE]) await client.query(each);
    const texts = buildTexts(TABLES);
    const plan = (each: readonly string[]) =>
      client.query('SELECT trueup._plan($1) AS answers', [
        { statements: each.map((text) => ({ text, role: ROLE, path: 'public' })) },
      ]);
    const large = Array.from({ length: 10 }, (_, i) => texts.map((text) => `${text} -- ${i}`)).flat();
    const { rows } = await plan(texts);
    if (rows[0].answers.some(({ outcome }: { outcome: string }) => outcome !== 'plans'))
      throw new Error('not all of them plan');
    return {
      major: server.major,
      statements: texts.length,
      planMs: await shortest(runs, () => plan(texts)),
      largeMs: await shortest(runs, () => plan(large)),
      bareMs: await shortest(runs, () => client.query('SELECT public.bare($1)', [texts])),
    };
  } finally {
    await client.end().catch(() => {});
    await server.stop();
  }
}

async function shortest(runs: number, work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const began = performance.now();
    await work();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}
