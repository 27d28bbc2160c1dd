/** What is locked before a transaction's first change, taken on a real server. */
import { describe, expect, test } from 'vitest';
import type { LockMode } from '../../../lambda/contract/locks';
import { buildInstallSql } from '../../../lambda/engine/ledger/schema';
import { connect, createDatabase, majors } from '../../support/database';

const taking = (pairs: Record<string, LockMode>, alone = false): string => {
  const list = (values: string[]) => `ARRAY[${values.map((v) => `'${v}'`).join(',')}]::pg_catalog.text[]`;
  return `SELECT trueup._take_locks(${list(Object.keys(pairs))}, ${list(Object.values(pairs))}, ${alone})`;
};

describe.each(majors())('taken on PostgreSQL %i', (major) => {
  const installed = async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(buildInstallSql(null).join(';'));
    return { url, client };
  };
  const HELD = `SELECT relation::regclass::text AS relation, mode FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation >= 16384 ORDER BY 1`;

  test('an index stands for its table; a view and what is not there are left to the statement', async () => {
    const { client } = await installed();
    await client.query(`CREATE SCHEMA "Odd one"; CREATE TABLE "Odd one"."t;able" (id int);
      CREATE INDEX "in dex" ON "Odd one"."t;able" (id); CREATE TABLE parted (id int) PARTITION BY RANGE (id);
      CREATE INDEX parted_id ON parted (id); CREATE VIEW seen AS SELECT 1 AS one`);
    await client.query('BEGIN');
    await client.query(
      taking({
        '"Odd one"."in dex"': 'SHARE',
        parted_id: 'SHARE ROW EXCLUSIVE',
        seen: 'ACCESS EXCLUSIVE',
        nowhere: 'ACCESS EXCLUSIVE',
        'no_schema.nowhere': 'ACCESS EXCLUSIVE',
      }),
    );
    expect((await client.query(HELD)).rows).toEqual([
      { relation: '"Odd one"."t;able"', mode: 'ShareLock' },
      { relation: 'parted', mode: 'ShareRowExclusiveLock' },
    ]);
    await client.query('ROLLBACK');
  });

  test('the only lock is left to the statement, except where that would wait for partition after partition', async () => {
    const { client } = await installed();
    await client.query(`CREATE TABLE plain (id int); CREATE INDEX plain_id ON plain (id);
      CREATE TABLE parent (id int) PARTITION BY RANGE (id);
      CREATE TABLE part PARTITION OF parent FOR VALUES FROM (1) TO (2);
      CREATE TABLE base (id int); CREATE TABLE derived () INHERITS (base)`);
    await client.query('BEGIN');
    await client.query(taking({ plain: 'ACCESS EXCLUSIVE', plain_id: 'SHARE' }, true));
    expect((await client.query(HELD)).rows).toEqual([]);
    await client.query(taking({ base: 'SHARE', parent: 'SHARE' }, true));
    const held = (await client.query(HELD)).rows.map(({ relation }) => relation);
    expect(held).toEqual(['base', 'derived', 'parent', 'part']);
    await client.query('ROLLBACK');
  });

  test('what the role may not lock is left to the statement, and the other locks are kept', async () => {
    const { client } = await installed();
    await client.query(`CREATE TABLE foreign_one (id int); CREATE TABLE own_one (id int);
      CREATE SCHEMA closed; CREATE TABLE closed.one (id int);
      DROP ROLE IF EXISTS locks_owner; CREATE ROLE locks_owner; ALTER TABLE own_one OWNER TO locks_owner`);
    await client.query('BEGIN; SET LOCAL ROLE locks_owner');
    const mode = 'ACCESS EXCLUSIVE';
    await client.query(taking({ foreign_one: mode, 'closed.one': mode, own_one: mode }));
    expect((await client.query(HELD)).rows).toEqual([{ relation: 'own_one', mode: 'AccessExclusiveLock' }]);
    await client.query('ROLLBACK');
    await client.query('DROP OWNED BY locks_owner; DROP ROLE locks_owner');
  });

  test('names mean what they mean to the migration, and no operator of others is called', async () => {
    const { client } = await installed();
    await client.query(`CREATE SCHEMA other; CREATE TABLE other.t (id int); CREATE TABLE t (id int);
      CREATE FUNCTION no_operator(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$called$$; END';
      CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = no_operator);
      CREATE FUNCTION no_operator("char", text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$called$$; END';
      CREATE OPERATOR = (LEFTARG = "char", RIGHTARG = text, FUNCTION = no_operator)`);
    await client.query('BEGIN; SET LOCAL search_path = other, public, pg_catalog');
    await client.query(taking({ t: 'SHARE' }));
    expect((await client.query(HELD)).rows).toEqual([{ relation: 't', mode: 'ShareLock' }]);
    await client.query('SET LOCAL search_path = public');
    expect((await client.query(HELD)).rows).toEqual([{ relation: 'other.t', mode: 'ShareLock' }]);
    await client.query('ROLLBACK');
  });

  test('the same lock again and again in one session, on tables that come and go', async () => {
    const { client } = await installed();
    for (let i = 0; i < 8; i++) {
      await client.query('CREATE TABLE fleeting (id int)');
      await client.query('BEGIN');
      await client.query(taking({ fleeting: 'ACCESS EXCLUSIVE' }));
      expect((await client.query(HELD)).rows).toEqual([
        { relation: 'fleeting', mode: 'AccessExclusiveLock' },
      ]);
      await client.query('COMMIT; DROP TABLE fleeting');
    }
  });
});
