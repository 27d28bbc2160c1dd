/** Rows that a move lost: counted where that costs little, and said where they are not. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../lambda/postgres/database';
import { type AuditResult, audit } from '../../lib/audit/audit';
import { type Snapshot, takeSnapshot } from '../../lib/audit/snapshot';
import { loadParser } from '../../lib/compiler/read/parser';
import { connect, createDatabase, majors } from '../support/database';
import { attempts, disturbed, readOnly } from './support';

const version = '0';
const ORDERS = (rows: number): string =>
  `CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, ${rows});`;
/** 9 MB. */
const LARGE = (rows: number): string =>
  `CREATE TABLE large (id int PRIMARY KEY, pad char(700)); INSERT INTO large SELECT i, '' FROM generate_series(1, ${rows}) i;`;

beforeAll(() => loadParser());

const reasons = ({ notChecked }: AuditResult): string[] =>
  notChecked
    .filter(({ what }) => /rows/.test(what) && !/orphaned rows/.test(what))
    .map(({ what, of, why }) => `${what}: ${of?.name}: ${why}`);
const found = ({ findings }: AuditResult): string[] =>
  findings
    .filter(({ id }) => id !== 'grant-added')
    .map(({ confidence, id, message }) => `${confidence} ${id} ${message}`);

describe.each(majors())('PostgreSQL %i', (major) => {
  const make = async (schema: string): Promise<{ url: string; db: Database }> => {
    const url = await createDatabase(major);
    await (await connect(url)).query(schema);
    return { url, db: await readOnly(url) };
  };
  const counted = async (schema: string): Promise<Snapshot> =>
    takeSnapshot((await make(schema)).db, { version, count: true });

  test('a table that nobody analysed has some rows less than were counted in the source', async () => {
    const source = await counted(ORDERS(500));
    for (const [rows, expected] of [
      [480, ['B missing-rows public.orders has 480 rows; the source has 500.']],
      [0, ['B missing-rows public.orders has no rows; the source has 500.']],
      [500, []],
      [501, []],
    ] as const) {
      const result = await audit((await make(ORDERS(rows))).db, { version, source });
      expect(found(result)).toEqual(expected);
      expect(reasons(result)).toEqual([]);
    }
  });

  test('what VACUUM said is not believed of a table that can be counted', async () => {
    const source = await counted(ORDERS(500));
    const { db } = await make(`${ORDERS(500)} ANALYZE orders; DELETE FROM orders WHERE id > 480;`);
    expect(found(await audit(db, { version, source }))).toEqual([
      'B missing-rows public.orders has 480 rows; the source has 500.',
    ]);
  });

  test('a large table is counted with --full-scan alone', async () => {
    const source = await counted(LARGE(12_000));
    const { db } = await make(LARGE(11_999));
    const brief = await audit(db, { version, source });
    expect(found(brief)).toEqual([]);
    expect(reasons(brief)).toEqual([
      'rows of a table: large: the table is larger than 8 MB; --full-scan reads it',
    ]);
    const fullScan = await audit(db, { version, source, fullScan: true });
    expect(found(fullScan)).toEqual(['B missing-rows public.large has 11999 rows; the source has 12000.']);
    expect(reasons(fullScan)).toEqual([]);
  });

  test('an estimate of the source, and who knows better', async () => {
    const source = await make(`${ORDERS(500)} ANALYZE;`);
    const { db } = await make(ORDERS(480));
    for (const [from, remedy] of [
      [source.db, '--full-scan counts the rows of both'],
      [await takeSnapshot(source.db, { version }), '`trueup snapshot --exact-counts` counts them'],
    ] as const) {
      const result = await audit(db, { version, source: from });
      expect(found(result)).toEqual([]);
      expect(reasons(result)).toEqual([
        `in the source: rows of a table: orders: only an estimate is available, so only a large loss is found; ${remedy}`,
      ]);
    }
    expect(found(await audit(db, { version, source: source.db, fullScan: true }))).toEqual([
      'B missing-rows public.orders has 480 rows; the source has 500.',
    ]);
  });

  test('a role that may not read all: said, table by table, and nothing is found of them', async () => {
    const schema = `${ORDERS(3)} CREATE TABLE hidden (id int PRIMARY KEY); INSERT INTO hidden VALUES (1), (2);
      CREATE TABLE closed (id int PRIMARY KEY); INSERT INTO closed VALUES (1);
      ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON hidden USING (id = 1);`;
    const source = await counted(schema);
    const role = `rows_reader_${major}`;
    const { url } = await make(
      `${schema} CREATE ROLE ${role} LOGIN PASSWORD '${role}'; GRANT SELECT ON orders, hidden TO ${role}; DELETE FROM orders WHERE id = 1;`,
    );
    const reader = new URL(url);
    reader.username = role;
    reader.password = role;
    const result = await audit(await readOnly(reader.href), { version, source });
    expect(found(result)).toEqual(['B missing-rows public.orders has 2 rows; the source has 3.']);
    expect(reasons(result).sort()).toEqual([
      'rows of a table: closed: the role has no privilege to read it',
      'rows of a table: hidden: row security hides rows from the role',
    ]);
    await (await connect(url)).query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test('a table that another session locks meanwhile stops nothing', async () => {
    const schema = `${ORDERS(3)} CREATE TABLE "o""x\\'" (id int PRIMARY KEY); INSERT INTO "o""x\\'" VALUES (1), (2);`;
    const source = await counted(schema);
    const { url, db } = await make(`${schema} DELETE FROM "o""x\\'" WHERE id = 1;`);
    const other = await connect(url);
    const lock = (): Promise<unknown> => other.query('BEGIN; LOCK TABLE orders');
    const result = await audit(disturbed(db, 'pg_table_size', lock).db, { version, source });
    await other.query('ROLLBACK');
    expect(found(result)).toEqual([`B missing-rows public."o""x\\'" has 1 row; the source has 2.`]);
    expect(reasons(result)).toEqual(['rows of a table: orders: another session holds a lock on it']);
  });

  test('a table that is dropped meanwhile is said, and the others are counted', async () => {
    const schema = `${ORDERS(3)} CREATE TABLE codes (id int PRIMARY KEY); INSERT INTO codes VALUES (1), (2);`;
    const source = await counted(schema);
    const { url, db } = await make(`${schema} DELETE FROM codes WHERE id = 1;`);
    const other = await connect(url);
    for (const [words, after] of [
      ['pg_table_size', 'CREATE TABLE orders (id int PRIMARY KEY)'],
      ['count(*)::text', ''],
    ] as const) {
      const drop = (): Promise<unknown> => other.query('DROP TABLE orders');
      const result = await audit(disturbed(db, words, drop).db, { version, source });
      expect(found(result)).toEqual(['B missing-rows public.codes has 1 row; the source has 2.']);
      expect(reasons(result)).toEqual(['rows of a table: orders: it was dropped during the audit']);
      await other.query(after);
    }
  });

  test('a table that is partitioned here is not compared, and a partition is', async () => {
    const parts = `CREATE TABLE hits (id int) PARTITION BY LIST (id); CREATE TABLE hits_1 PARTITION OF hits FOR VALUES IN (1);
      INSERT INTO hits VALUES (1), (1);`;
    const source = await counted(`${ORDERS(3)} ${parts}`);
    const { db } = await make(
      `CREATE TABLE orders (id int PRIMARY KEY) PARTITION BY LIST (id); ${parts} DELETE FROM hits WHERE ctid = '(0,1)';`,
    );
    const result = await audit(db, { version, source });
    expect(found(result).filter((line) => line.includes('missing-rows'))).toEqual([
      'B missing-rows public.hits_1 has 1 row; the source has 2.',
    ]);
    expect(reasons(result)).toEqual([
      'rows of a table: orders: it is a partitioned table here, so its rows are not compared',
    ]);
  });

  test('small tables are counted fifty at a time', async () => {
    const schema = `DO $$ BEGIN FOR i IN 1..250 LOOP
      EXECUTE format('CREATE TABLE t%s AS SELECT 1 AS a', i); END LOOP; END $$;`;
    const source = await counted(schema);
    const watched = disturbed((await make(`${schema} DELETE FROM t7;`)).db, 'nothing', async () => {});
    expect(found(await audit(watched.db, { version, source }))).toEqual([
      'B missing-rows public.t7 has no rows; the source has 1.',
    ]);
    expect(attempts(watched.sent, 'pg_table_size')).toBe(5);
    expect(attempts(watched.sent, 'count(*)::text')).toBe(5);
  });
});
