/**
 * After a restore the server has no statistics, and each of its estimates says one row: a plan may then read a whole
 * table once for each object. Four times the objects are at most some four times the work.
 */
import { describe, expect, test } from 'vitest';
import { OBJECT_KINDS } from '../../lambda/audit/catalog';
import { FINGERPRINT_SQL } from '../../lambda/audit/catalog/fingerprint';
import type { ObjectKind } from '../../lambda/audit/catalog/kind';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { connect, outerMajors } from '../support/database';

const FEW = 100;
const OBJECTS = `CREATE TABLE t%1$s (id serial PRIMARY KEY, a text NOT NULL DEFAULT 'x', b int UNIQUE, c numeric CHECK (c > 0), e uuid);
  ALTER TABLE t%1$s ADD CONSTRAINT parent FOREIGN KEY (b) REFERENCES t%1$s, ENABLE ROW LEVEL SECURITY;
  CREATE INDEX ON t%1$s (e);
  CREATE STATISTICS s%1$s ON a, b FROM t%1$s;
  CREATE VIEW v%1$s AS SELECT id, a FROM t%1$s;
  CREATE RULE r AS ON DELETE TO t%1$s DO ALSO NOTHING;
  CREATE TYPE e%1$s AS ENUM ('a', 'b');
  CREATE FUNCTION f%1$s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER g BEFORE INSERT ON t%1$s FOR EACH ROW EXECUTE FUNCTION f%1$s();
  CREATE POLICY p ON t%1$s USING (true);
  GRANT SELECT ON t%1$s TO PUBLIC;
  COMMENT ON TABLE t%1$s IS 'x';
  COMMENT ON COLUMN t%1$s.a IS 'x';`;

interface Plan {
  readonly 'Actual Loops': number;
  readonly 'Actual Rows'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly Plan[];
}

/** How many rows its nodes passed on or threw away. */
const rowsOf = (plan: Plan): number =>
  plan['Actual Loops'] *
    ((plan['Actual Rows'] ?? 0) +
      (plan['Rows Removed by Filter'] ?? 0) +
      (plan['Rows Removed by Join Filter'] ?? 0)) +
  (plan.Plans ?? []).reduce((sum, each) => sum + rowsOf(each), 0);

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('no question about the catalog takes more than its share', async () => {
    // Its own server: other tests change what all databases share, e.g. the settings of roles.
    const server = await startPostgres({ major });
    const client = await connect(server.url());
    // Not committed: nobody can gather statistics meanwhile.
    await client.query('BEGIN');
    await client.query('SET LOCAL jit = off');
    const create = (from: number, to: number) =>
      client.query(
        `DO $do$ BEGIN FOR i IN ${from}..${to} LOOP EXECUTE format($format$${OBJECTS}$format$, i); END LOOP; END $do$`,
      );
    const work = async (sql: string): Promise<number> => {
      const { rows } = await client.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${sql}`);
      return rowsOf(rows[0]['QUERY PLAN'][0].Plan);
    };
    const questions: Record<string, string> = {
      fingerprint: FINGERPRINT_SQL,
      ...Object.fromEntries(
        Object.entries(OBJECT_KINDS as Record<string, ObjectKind<object>>).map(([name, kind]) => [
          name,
          kind.sql(major).replaceAll('$1', "'0'").replaceAll('$2', String(kind.atATime)),
        ]),
      ),
    };
    const measure = async () => {
      const measured: Record<string, number> = {};
      for (const [name, sql] of Object.entries(questions)) measured[name] = await work(sql);
      return measured;
    };

    await create(1, FEW);
    const few = await measure();
    await create(FEW + 1, 4 * FEW);
    const many = await measure();
    for (const name of Object.keys(questions))
      expect(many[name], `${name}: ${few[name]} rows, then`).toBeLessThanOrEqual(6 * few[name]!);
    expect(Object.values(many).filter((rows) => rows > FEW).length).toBeGreaterThan(10);
    await server.stop();
  });
});
