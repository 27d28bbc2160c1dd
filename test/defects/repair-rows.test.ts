/** Which rows a printed repair sees: those that violate something, and all of them. */
import { describe, expect, it } from 'vitest';
import { buildDuplicatesSql } from '../../lambda/defects/repair/conflict-target';
import { buildCatchUpRepair, buildIdDefaultRepair } from '../../lambda/defects/repair/id-default';
import { asSuperuser, connect, createDatabase, majors } from '../support/database';

const OWNER = 'repair_rows_owner';
const ID = { name: 'id', sql: 'id', type: 'bigint', baseType: 'bigint', length: null, sequence: null };

describe.each(majors())('PostgreSQL %i', (major) => {
  it('NULL repeats, and violates nothing', async () => {
    const client = await connect(await createDatabase(major));
    await client.query(`CREATE TABLE t (a int, b text);
      INSERT INTO t VALUES (NULL, 'x'), (NULL, 'x'), (1, NULL), (1, NULL), (2, 'y'), (3, 'z'), (3, 'z')`);
    const rows = async (keys: string[], predicate: string | null) =>
      (await client.query({ text: buildDuplicatesSql('t', keys, predicate), rowMode: 'array' })).rows;
    expect(await rows(['a', 'b'], null)).toEqual([[3, 'z', '2']]);
    expect(await rows(['lower(b)'], "a = 1 OR b = 'y'")).toEqual([]);
  });

  it('a policy that hides rows from the owner ends the repair, which then changes nothing', async () => {
    await asSuperuser(
      major,
      `DO $$ BEGIN CREATE ROLE ${OWNER}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    );
    const client = await connect(await createDatabase(major));
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10);
      CREATE SEQUENCE s; ALTER TABLE t OWNER TO ${OWNER}; ALTER SEQUENCE s OWNER TO ${OWNER};
      ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY;
      GRANT ALL ON SCHEMA public TO ${OWNER}`);
    const run = async (sql: readonly string[]): Promise<string | undefined> => {
      try {
        for (const each of sql) await client.query(each);
        return undefined;
      } catch (error) {
        await client.query('ROLLBACK');
        return (error as Error).message;
      }
    };
    const repairs = [
      buildCatchUpRepair([{ table: 'public.t', column: 'id' }], { sql: 'public.s', increment: 1 }),
      buildIdDefaultRepair('public.t', ID, OWNER),
    ];
    for (const { sql } of repairs) {
      await client.query(`SET ROLE ${OWNER}`);
      expect(await run(sql)).toMatch(/row-level security policy/);
      await client.query('RESET ROLE');
      expect(await run(sql)).toBeUndefined();
    }
    expect((await client.query('SELECT last_value FROM s')).rows).toEqual([{ last_value: '10' }]);
    await client.query('INSERT INTO t DEFAULT VALUES');
    expect((await client.query('SELECT max(id) FROM t')).rows).toEqual([{ max: '11' }]);
  });
});
