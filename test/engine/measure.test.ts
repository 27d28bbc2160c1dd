/** What a plan says of sizes, and of rows that violate what is added; counted on real tables, with nobody else's code run. */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../lambda/contract/manifest';
import { plan } from '../../lambda/engine';
import { connectPg } from '../../lambda/postgres/pg';
import { compileFiles } from '../../lib/compiler';
import { describeMeasurements } from '../../lib/report/measurements';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../support/database';
import { contextFor, up } from '../support/engine';
import { manifestOf, request } from '../support/manifest';

const compiled = (...sql: readonly string[]): Promise<Manifest> =>
  compileFiles(
    sql.map((text, i) => ({
      name: `000${i + 1}_f.sql`,
      bytes: Buffer.from(
        `-- migrate:consent rewrites a test\n-- migrate:consent destroys a test\n-- migrate:no-verify a test\n-- migrate:up\n${text};\n`,
      ),
    })),
  );

/** Statements' facts in words; on a connection that only reads. */
async function facts(url: string, manifest: Manifest): Promise<readonly string[]> {
  const ctx = { ...contextFor(url, manifest), connect: () => connectPg({ url, readOnly: true }) };
  const { steps, errors } = await plan(ctx, request(manifest));
  expect(errors).toEqual([]);
  return steps.flatMap(({ statements }) => statements.flatMap(describeMeasurements));
}

const made: [number, string][] = [];
afterAll(async () => {
  for (const [major, role] of made)
    await asSuperuser(major, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`).catch(() => {});
});

const TABLES = `CREATE TABLE parent (id int PRIMARY KEY, code text);
  INSERT INTO parent SELECT n FROM generate_series(1, 10) AS n;
  CREATE DOMAIN small AS int;
  CREATE TABLE t (id int, note text, n int, p int, d small, "Odd Name" int);
  INSERT INTO t SELECT n % 100, CASE WHEN n > 3 THEN 'x' END, n, n % 12, 1, NULL FROM generate_series(1, 1000) AS n;
  ALTER TABLE t ADD CONSTRAINT later CHECK (n > 10) NOT VALID;
  ALTER TABLE t ADD CONSTRAINT parent_later FOREIGN KEY (p) REFERENCES parent (id) NOT VALID;
  ANALYZE t`;

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each<[string, string[]]>([
    ['ALTER TABLE t ALTER note SET NOT NULL', ['3 rows violate NOT NULL of t.note now']],
    ['ALTER TABLE t ALTER n SET NOT NULL', []],
    ['ALTER TABLE t ADD CONSTRAINT c CHECK (n > 1)', ['1 row violates CHECK c of t now']],
    [
      'ALTER TABLE t ADD CHECK (t.n > 5 AND "Odd Name" IS NULL) NOT VALID',
      ['5 rows violate a CHECK of t now'],
    ],
    ['ALTER TABLE t VALIDATE CONSTRAINT later', ['10 rows violate constraint later of t now']],
    ['ALTER TABLE t VALIDATE CONSTRAINT parent_later', ['166 rows violate constraint parent_later of t now']],
    [
      'ALTER TABLE t ADD FOREIGN KEY (p) REFERENCES parent NOT VALID',
      ['166 rows violate FOREIGN KEY (p) of t now'],
    ],
    [
      'ALTER TABLE t ADD FOREIGN KEY (d) REFERENCES parent (id) NOT VALID',
      ['rows that violate FOREIGN KEY (d) of t: not counted, a column has a type that is not built in'],
    ],
    [
      'CREATE UNIQUE INDEX CONCURRENTLY u ON t (id) WHERE n < 151',
      [
        expect.stringMatching(/^reads t, \d+ kB, about 1,000 rows$/) as string,
        '100 rows violate UNIQUE (id) of t now',
      ],
    ],
    [
      'CREATE UNIQUE INDEX CONCURRENTLY u ON t (lower(note), "Odd Name")',
      [expect.stringContaining('reads t') as string],
    ],
    [
      'ALTER TABLE t ADD UNIQUE (note)',
      [expect.stringContaining('reads t') as string, '997 rows violate UNIQUE (note) of t now'],
    ],
    ['CREATE TABLE fresh (a int NOT NULL UNIQUE CHECK (a > 0))', []],
    [
      'ALTER TABLE t ADD extra int NOT NULL DEFAULT 1',
      ['rows that violate NOT NULL of t.extra: not counted, column extra does not exist yet'],
    ],
  ])('%s', async (sql, expected) => {
    const url = await createDatabase(major);
    await (await connect(url)).query(TABLES);
    expect(await facts(url, await compiled(sql))).toEqual(expected);
  });

  test('many are "at least", a locked table is not counted, and neither is what takes too long', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(
      `CREATE TABLE big (id int, note text); INSERT INTO big SELECT n FROM generate_series(1, 20000) AS n;
       CREATE FUNCTION slow(int) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT pg_sleep(0.1) IS NOT NULL'`,
    );
    expect(await facts(url, await compiled('ALTER TABLE big ALTER note SET NOT NULL'))).toEqual([
      'at least 10,000 rows violate NOT NULL of big.note now',
    ]);
    const began = Date.now();
    expect(
      await facts(url, await compiled('ALTER TABLE big ADD CONSTRAINT c CHECK (slow(id)) NOT VALID')),
    ).toEqual(['rows that violate CHECK c of big: not counted, the time limit of 5 s was reached']);
    expect(Date.now() - began).toBeLessThan(15_000);
    await client.query('BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE');
    expect(
      await facts(url, await compiled('ALTER TABLE big ADD CONSTRAINT c CHECK (id > 0) NOT VALID')),
    ).toEqual(['rows that violate CHECK c of big: not counted, the table is locked']);
    await client.query('ROLLBACK');
  });

  test('nobody else’s code runs for it, and no row that a policy hides is left out in silence', async () => {
    const suffix = randomBytes(3).toString('hex');
    const [login, app] = [`m_login_${suffix}`, `m_app_${suffix}`];
    made.push([major, login], [major, app]);
    await asSuperuser(
      major,
      `CREATE ROLE ${login} LOGIN CREATEROLE PASSWORD 'p'; CREATE ROLE ${app}; GRANT ${app} TO ${login}`,
    );
    const url = await createDatabase(major, `OWNER ${app}`);
    const client = await connect(url);
    await client.query(
      `GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${login}; CREATE TABLE hits (n int); GRANT INSERT ON hits TO PUBLIC;
       GRANT CREATE ON SCHEMA public TO ${app}; SET ROLE ${app}; CREATE TABLE orders (id int, note text); INSERT INTO orders VALUES (1, NULL);
       CREATE TABLE plain (id int, note text); INSERT INTO plain VALUES (1, NULL);
       CREATE FUNCTION evil(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
         $$ BEGIN PERFORM pg_advisory_lock(4712); RETURN true; END $$;
       CREATE INDEX trap ON orders (id) WHERE evil(1);
       SELECT pg_advisory_unlock_all(); RESET ROLE;
       CREATE TABLE hidden (id int, note text); INSERT INTO hidden VALUES (1, NULL);
       ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; GRANT SELECT ON hidden TO ${login}`,
    );
    const manifest = await compiled(
      'ALTER TABLE orders ALTER note SET NOT NULL',
      'ALTER TABLE plain ALTER note SET NOT NULL',
      'ALTER TABLE hidden ALTER note SET NOT NULL',
      'ALTER TABLE plain ADD CONSTRAINT c CHECK (evil(id)) NOT VALID',
    );
    await up(urlOf(url, { user: login, password: 'p' }), manifestOf());
    expect(await facts(urlOf(url, { user: login, password: 'p' }), manifest)).toEqual([
      `rows that violate NOT NULL of orders.note: not counted, it may call untrusted code with the privileges of this login: ${app}: function public.evil(integer)`,
      '1 row violates NOT NULL of plain.note now',
      'rows that violate NOT NULL of hidden.note: not counted, this login may not read all rows',
      `rows that violate CHECK c of plain: not counted, it may call untrusted code with the privileges of this login: ${app}: function public.evil(integer)`,
    ]);
    const { rows } = await client.query(
      "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4712 AND pid <> pg_backend_pid()",
    );
    expect(rows).toEqual([]);
  });

  test('a duration is a range of earlier builds in this ledger, or nothing', async () => {
    const url = await createDatabase(major);
    await (await connect(url)).query('CREATE TABLE a (x int); CREATE TABLE b (x int)');
    const files = ['CREATE INDEX CONCURRENTLY a_1 ON a (x)', 'CREATE INDEX CONCURRENTLY a_2 ON a (x, x)'];
    expect(await facts(url, await compiled(files[0]!))).toEqual([
      expect.stringMatching(/^reads a, 0 bytes$/),
    ]);
    await up(url, await compiled(...files));
    const last = await facts(url, await compiled(...files, 'CREATE INDEX CONCURRENTLY b_1 ON b (x)'));
    expect(last).toEqual([expect.stringMatching(/^reads b, 0 bytes; 2 index builds took .* before$/)]);
    const same = await facts(url, await compiled(...files, 'CREATE INDEX CONCURRENTLY a_3 ON a (x)'));
    expect(same).toEqual([expect.stringMatching(/^reads a, 0 bytes; 2 index builds on a took .* before$/)]);
  });
});
