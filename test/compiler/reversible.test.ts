/** What a rollback may run by itself, and when verify runs. */
import { describe, expect, test } from 'vitest';
import { CONSENT, compile, compileUp, file } from './support';

describe('undo', () => {
  const cases: [up: string, down: string, undo: 'automatic' | 'by-name'][] = [
    ['CREATE INDEX i ON t (a)', 'DROP INDEX i', 'automatic'],
    ['CREATE INDEX CONCURRENTLY i ON t (a)', 'DROP INDEX CONCURRENTLY IF EXISTS i', 'automatic'],
    ['CREATE INDEX i ON s.t (a)', 'DROP INDEX s.i', 'automatic'],
    ['CREATE INDEX i ON s.t (a)', 'DROP INDEX i', 'by-name'],
    ['CREATE INDEX IF NOT EXISTS i ON t (a)', 'DROP INDEX i', 'by-name'],
    ['CREATE INDEX i ON t (a)', 'DROP INDEX i CASCADE', 'by-name'],
    ['CREATE INDEX i ON t (a)', 'DROP INDEX i, other', 'by-name'],
    ['CREATE INDEX i ON t (a)', 'DROP SCHEMA i', 'by-name'],
    ['CREATE INDEX i ON t (a)', 'DROP INDEX other', 'by-name'],
    ['SELECT 1', 'DROP INDEX i', 'by-name'],
    [
      'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID',
      'ALTER TABLE t DROP CONSTRAINT c',
      'automatic',
    ],
    [
      'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID',
      'ALTER TABLE t DROP CONSTRAINT c CASCADE',
      'by-name',
    ],
    ['ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID', 'ALTER TABLE u DROP CONSTRAINT c', 'by-name'],
    ['ALTER TABLE t ADD CHECK (a > 0) NOT VALID', 'ALTER TABLE t DROP CONSTRAINT t_a_check', 'by-name'],
    ['ALTER TABLE t DROP CONSTRAINT c', 'ALTER TABLE t DROP CONSTRAINT c', 'by-name'],
    // Dropping a constraint drops its index, which was there before in the second case.
    [
      'CREATE UNIQUE INDEX CONCURRENTLY i ON t (a); ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i',
      'ALTER TABLE t DROP CONSTRAINT c',
      'automatic',
    ],
    ['ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX old', 'ALTER TABLE t DROP CONSTRAINT c', 'by-name'],
    ['SELECT 1', 'ALTER TABLE t ALTER COLUMN a DROP DEFAULT, ALTER COLUMN b SET DEFAULT 1', 'automatic'],
    ['SELECT 1', 'ALTER TABLE t ALTER COLUMN a DROP NOT NULL', 'automatic'],
    ['SELECT 1', "COMMENT ON COLUMN t.a IS 'x'; ALTER TABLE t ALTER a DROP DEFAULT", 'automatic'],
    ['SELECT 1', "COMMENT ON COLUMN t.a IS 'x'; ALTER TABLE t ALTER a SET NOT NULL", 'by-name'],
    ['SELECT 1', 'ALTER TABLE t ALTER COLUMN a DROP NOT NULL, DROP COLUMN b', 'by-name'],
    ['SELECT 1', 'ALTER VIEW t ALTER COLUMN a DROP DEFAULT', 'by-name'],
    ['CREATE TABLE t (a int)', 'DROP TABLE t', 'by-name'],
    ['ALTER TABLE t ADD COLUMN a int', 'ALTER TABLE t DROP COLUMN a', 'by-name'],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'DROP FUNCTION f()', 'by-name'],
    ['SELECT 1', 'SELECT 1', 'by-name'],
    ['SELECT 1', 'DO $$ BEGIN END $$', 'by-name'],
  ];
  test.each(cases)('%s / %s: %s', async (up, down, undo) => {
    expect((await compileUp(up, `-- migrate:down\n${down};`)).undo).toBe(undo);
  });

  test('there is none without a down, or with an empty one, as dbmate writes it', async () => {
    for (const rest of ['', '-- migrate:down\n', '-- migrate:down\n-- nothing to do\n']) {
      const { undo, down, checksums } = await compileUp('SELECT 1', rest);
      expect({ undo, down, checksum: checksums.down }).toEqual({ undo: 'none', down: [], checksum: null });
    }
  });
});

describe('verify runs', () => {
  const when = async (up: string, verify: string) => {
    const { migrations } = await compile({
      '0001_a.sql': `${CONSENT}-- migrate:up\n${up};\n-- migrate:verify\n${verify};`,
    });
    return migrations[0]!.verifyWhen;
  };
  const READS_TABLE = "SELECT 'x' FROM orders";
  const READS_CATALOG =
    "SELECT trueup.is_indexed('orders', ARRAY['a']) UNION ALL SELECT relname FROM pg_class";

  test.each([
    ['ALTER TABLE orders ADD COLUMN a int', READS_TABLE, 'after-commit'],
    ['CREATE INDEX i ON orders (a)', READS_TABLE, 'after-commit'],
    ['CREATE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION f()', READS_TABLE, 'after-commit'],
    ['ALTER TABLE orders ADD COLUMN a int', READS_CATALOG, 'before-commit'],
    ['ALTER TABLE orders ADD COLUMN a int', 'SELECT * FROM information_schema.columns', 'before-commit'],
    ['ALTER TABLE orders ADD COLUMN a int', 'SELECT check_orders()', 'after-commit'],
    [
      'ALTER TABLE orders ADD COLUMN a int',
      'SELECT 1 WHERE EXISTS (SELECT FROM shop.pg_class)',
      'after-commit',
    ],
    ['ALTER TABLE orders ADD COLUMN a int', 'WITH a AS (SELECT 1) SELECT * FROM a', 'before-commit'],
    ['ALTER TABLE orders ADD COLUMN a int', 'WITH orders AS (SELECT * FROM orders) SELECT 1', 'after-commit'],
    ["COMMENT ON TABLE orders IS 'x'", READS_TABLE, 'before-commit'],
    ['UPDATE orders SET a = 1', READS_TABLE, 'before-commit'],
    ['CREATE TABLE fresh (a int); CREATE INDEX i ON fresh (a)', READS_TABLE, 'before-commit'],
    ['CREATE TABLE IF NOT EXISTS fresh (a int); CREATE INDEX i ON fresh (a)', READS_TABLE, 'after-commit'],
    ['DO $$ BEGIN END $$', READS_TABLE, 'after-commit'],
    ['CREATE INDEX CONCURRENTLY i ON orders (a)', READS_CATALOG, 'after-commit'],
    ['SELECT 1; CREATE INDEX CONCURRENTLY i ON orders (a)', READS_CATALOG, 'after-commit'],
    ['ALTER TABLE orders ADD COLUMN a int', `${READS_CATALOG}; ${READS_TABLE}`, 'after-commit'],
    ['ALTER TABLE orders VALIDATE CONSTRAINT c', READS_CATALOG, 'after-commit'],
  ])('%s / %s: %s', async (up, verify, expected) => {
    expect(await when(up, verify)).toBe(expected);
  });
});

describe('what a file itself made', () => {
  const created = async (up: string) =>
    (await compileUp(up)).statements.at(-1)!.locks.map(({ relation, created }) => `${relation} ${created}`);

  test.each([
    ['CREATE TABLE t (a int); ALTER TABLE t ADD b int', ['t true']],
    ['CREATE TABLE IF NOT EXISTS t (a int); ALTER TABLE t ADD b int', ['t false']],
    ['CREATE TABLE s.t (a int); ALTER TABLE t ADD b int', ['t false']],
    ['CREATE TABLE t AS SELECT 1 AS a; ALTER TABLE t ADD b int', ['t true']],
    ['SELECT 1 AS a INTO t; ALTER TABLE t ADD b int', ['t true']],
    ['CREATE SCHEMA s CREATE TABLE t (a int); ALTER TABLE s.t ADD b int', ['s.t true']],
    [
      'CREATE TABLE n (a int); ALTER TABLE t RENAME TO o; ALTER TABLE n RENAME TO t; ALTER TABLE t ADD b int',
      ['t true'],
    ],
    ['CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; ALTER TABLE t ADD b int', ['t false']],
    ['CREATE TABLE t (a int); DROP TABLE t; ALTER TABLE t ADD b int', ['t false']],
    ['CREATE TABLE t (a int); SET LOCAL search_path = other; ALTER TABLE t ADD b int', ['other.t false']],
    ['ALTER TABLE t ADD b int; CREATE TABLE t (a int)', []],
  ])('%s', async (up, expected) => {
    expect(await created(up)).toEqual(expected);
  });

  test('needs no consent', async () => {
    const up = `CREATE TABLE t (a int);
      INSERT INTO t VALUES (1); DELETE FROM t; ALTER TABLE t ALTER a TYPE bigint USING a::bigint, ALTER a SET NOT NULL;
      ALTER TABLE t ADD CHECK (a > 0), ADD PRIMARY KEY (a), ADD b uuid DEFAULT gen_random_uuid();
      CREATE INDEX ON t (a); TRUNCATE t; ALTER TABLE t DROP COLUMN a; DROP TABLE t;`;
    const { migrations } = await compile({ '0001_a.sql': file(up) });
    expect(migrations[0]!.statements.filter((one) => one.destroys || one.rewrites)).toEqual([]);
  });
});
