/** What is written where objects need each other, names hold anything, and roles or rights are missing. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { audit } from '../../lib/audit/audit';
import { FolderProblem, writeFolder } from '../../lib/audit/write/folder';
import { buildMigrations } from '../../lib/audit/write/write';
import { compileFiles } from '../../lib/compiler';
import { loadParser } from '../../lib/compiler/read/parser';
import { connect, createDatabase, majors, newestMajor, urlOf } from '../support/database';
import { run } from '../support/engine';
import { roundTrip } from './round-trip';
import { readOnly } from './support';

beforeAll(() => loadParser());

const place = async (schema: string, major = newestMajor()) => {
  const url = await createDatabase(major);
  const client = await connect(url);
  await client.query(schema);
  return { url, client, db: await readOnly(url) };
};

/** 63 bytes, with whatever a name may hold. */
const LONG = `l"o\n<i>%I $$ '\\${'é'.repeat(23)}x`;
const long = `"${LONG.replaceAll('"', '""')}"`;

const TANGLED = `
  CREATE SCHEMA one; CREATE SCHEMA two; CREATE SCHEMA ${long};
  CREATE FUNCTION one.next_code() RETURNS text LANGUAGE sql AS 'SELECT md5(random()::text)';
  CREATE FUNCTION one.is_code(code text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT code <> ''''';
  CREATE SEQUENCE one.shared;
  CREATE TABLE one.a (id bigint PRIMARY KEY DEFAULT nextval('one.shared'), b bigint, code text DEFAULT one.next_code() CHECK (one.is_code(code)));
  CREATE TABLE one.b (id bigint PRIMARY KEY DEFAULT nextval('one.shared'), a bigint REFERENCES one.a DEFERRABLE INITIALLY DEFERRED);
  ALTER TABLE one.a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES one.b;
  CREATE TABLE two.a (id bigserial PRIMARY KEY, "order" text, "select" int UNIQUE);
  CREATE INDEX ON two.a (one.is_code("order"), "order" DESC NULLS LAST);
  CREATE VIEW two.z AS SELECT id FROM one.a; CREATE VIEW two.a_view AS SELECT id FROM two.z;
  CREATE FUNCTION two.rows_of() RETURNS SETOF two.a LANGUAGE sql AS 'SELECT * FROM two.a';
  CREATE TABLE ${long}.${long} (${long} text PRIMARY KEY, other text DEFAULT '%', CONSTRAINT ${long} CHECK (other <> 'a;b'));
  CREATE UNIQUE INDEX ON ${long}.${long} (lower(other)) WHERE other <> '--';
  COMMENT ON COLUMN ${long}.${long}.${long} IS E'a\\n-- migrate:up\\nb';
  CREATE TABLE one.hits (day date, code text, PRIMARY KEY (day, code)) PARTITION BY RANGE (day);
  CREATE TABLE one.hits_1 PARTITION OF one.hits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE one.hits_2 PARTITION OF one.hits DEFAULT;
  CREATE INDEX by_code ON one.hits (code); CREATE UNIQUE INDEX once ON one.hits (code, day);`;

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each([
    [
      'indexes over expressions: long ones, constants, columns that need quotes beside them',
      `CREATE TABLE people (id bigint PRIMARY KEY, name text, "a b" text, "order" int, "Lower" text);
      INSERT INTO people VALUES (1, 'Ann', 'x', 1, 'y'), (2, null, 'x', 1, 'y');
      CREATE UNIQUE INDEX by_long_expression ON people (lower(replace(replace(replace(name, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'b'), 'c', 'd'), 'e', 'f')));
      CREATE UNIQUE INDEX by_mixture ON people (lower(name), "a b", "order" DESC, (id + 1), "Lower" COLLATE "C");
      CREATE UNIQUE INDEX a_single_row ON people ((1)) WHERE name IS NOT NULL;
      CREATE UNIQUE INDEX two_constants ON people ((true), ('a, b'::text)) WHERE name IS NOT NULL;
      CREATE INDEX just_so ON people ("order", upper("Lower") text_pattern_ops) INCLUDE ("a b");`,
      `DROP INDEX by_long_expression, by_mixture, a_single_row, two_constants, just_so;`,
    ],
    [
      'tables that need each other, and what is around them',
      TANGLED,
      `DROP TABLE one.a, one.b, one.hits CASCADE; DROP FUNCTION one.next_code, one.is_code CASCADE;`,
    ],
    [
      'keys, indexes and defaults of tables that stay',
      TANGLED,
      `ALTER TABLE one.hits DROP CONSTRAINT hits_pkey; DROP INDEX one.by_code, one.once; DROP VIEW two.z CASCADE;
      ALTER TABLE one.b DROP CONSTRAINT b_a_fkey; ALTER TABLE one.a ALTER id DROP DEFAULT; ALTER TABLE one.b ALTER id DROP DEFAULT; DROP SEQUENCE one.shared;
      ALTER TABLE ${long}.${long} DROP CONSTRAINT ${long}, ALTER other DROP DEFAULT; ALTER TABLE two.a DROP CONSTRAINT a_select_key;`,
    ],
    [
      'a sequence that the column of a child uses, which is not its owner',
      `CREATE TABLE parents (id serial PRIMARY KEY); CREATE TABLE children (a int) INHERITS (parents);
      CREATE TABLE tickets (id serial PRIMARY KEY); CREATE TABLE copies (id int PRIMARY KEY DEFAULT nextval('tickets_id_seq'));`,
      'DROP SEQUENCE parents_id_seq CASCADE; DROP TABLE copies; ALTER TABLE tickets ALTER id DROP DEFAULT; DROP SEQUENCE tickets_id_seq;',
    ],
    [
      'identities, also where the sequence that the column had before is still its own',
      `CREATE TABLE tickets (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY (INCREMENT 5));
      INSERT INTO tickets SELECT FROM generate_series(1, 9);`,
      `ALTER TABLE tickets ALTER id DROP IDENTITY, ALTER n DROP IDENTITY;
      CREATE SEQUENCE tickets_id_seq OWNED BY tickets.id; CREATE SEQUENCE tickets_n_seq AS int OWNED BY tickets.n;`,
    ],
    [
      'rows of children, which no index or foreign key of their parent is about',
      `CREATE TABLE owners (id bigint PRIMARY KEY); CREATE TABLE guests () INHERITS (owners);
      CREATE TABLE parents (id bigint PRIMARY KEY, code text, owner bigint, CONSTRAINT own_alone CHECK (code <> 'b') NO INHERIT);
      CREATE TABLE children () INHERITS (parents);
      INSERT INTO owners VALUES (1); INSERT INTO parents VALUES (1, 'a', 1); INSERT INTO children VALUES (1, 'a', 2), (2, 'b', 3);
      CREATE UNIQUE INDEX by_code ON parents (code); CREATE UNIQUE INDEX by_expression ON parents (lower(code));
      ALTER TABLE parents ADD CONSTRAINT to_owner FOREIGN KEY (owner) REFERENCES owners;`,
      'DROP INDEX by_code, by_expression; ALTER TABLE parents DROP CONSTRAINT to_owner, DROP CONSTRAINT parents_pkey, DROP CONSTRAINT own_alone;',
    ],
  ])('%s, in an order that works', async (_, schema, lost) => {
    const [from, to] = [await place(schema, major), await place(schema + lost, major)];
    const { written, left } = await roundTrip(to.url, to.db, { version: '0', source: from.db });
    expect([...written.unwritten.values()]).toEqual([]);
    expect(left.map(({ message }) => message)).toEqual([]);
    expect(written.files.map(({ decisions }) => decisions).filter((each) => each > 0)).toEqual([]);
  });

  test('an INVALID unique index over duplicates: the deployment stops before it builds anything', async () => {
    const { url, client, db } = await place(
      'CREATE TABLE t (k int, v int); INSERT INTO t VALUES (1, 1), (1, 1), (2, 2)',
      major,
    );
    await expect(client.query('CREATE UNIQUE INDEX CONCURRENTLY once ON t (k)')).rejects.toThrow(
      'could not create',
    );
    const indexes = async () =>
      (
        await client.query(
          "SELECT indexrelid::regclass::text AS name, indisvalid AS valid FROM pg_index WHERE indrelid = 't'::regclass",
        )
      ).rows;
    await expect(roundTrip(url, db, { version: '0' })).rejects.toThrow(
      '1 groups of rows in public.t share a key of once',
    );
    expect(await indexes()).toEqual([{ name: 'once', valid: false }]);
    await client.query('DELETE FROM t WHERE k = 1');
    const { left } = await roundTrip(url, db, { version: '0' });
    expect(left).toEqual([]);
    expect(await indexes()).toEqual([{ name: 'once', valid: true }]);
  });

  test('constraints that are checked later are so again', async () => {
    const source = `CREATE TABLE d (id int CONSTRAINT d_pkey PRIMARY KEY DEFERRABLE,
      a int CONSTRAINT one_a UNIQUE DEFERRABLE INITIALLY DEFERRED, b int CONSTRAINT one_b UNIQUE DEFERRABLE INITIALLY DEFERRED,
      c int CONSTRAINT one_c UNIQUE DEFERRABLE INITIALLY DEFERRED);`;
    const from = await place(source, major);
    const to = await place(
      `${source} ALTER TABLE d DROP CONSTRAINT d_pkey, ADD CONSTRAINT d_pkey PRIMARY KEY (id), DROP CONSTRAINT one_a,
        DROP CONSTRAINT one_b, ADD CONSTRAINT one_b UNIQUE (b),
        DROP CONSTRAINT one_c, ADD CONSTRAINT one_c UNIQUE (c) DEFERRABLE`,
      major,
    );
    const { first, written, left } = await roundTrip(to.url, to.db, { version: '0', source: from.db });
    expect(first.findings.map(({ id, object }) => `${id} ${object}`).sort()).toEqual([
      'missing-primary-key public.d',
      'missing-unique-index public.d',
      'missing-unique-index public.d',
      'missing-unique-index public.d',
    ]);
    expect([...written.unwritten.values()]).toEqual([]);
    expect(left.map(({ message }) => message)).toEqual([]);
  });

  test('a role that is missing is a decision; one without rights is told so by the deployment', async () => {
    const role = `writer_${major}_${process.pid}`;
    const shop = 'CREATE TABLE t (id int PRIMARY KEY, v int DEFAULT 1);';
    const from = await place(
      `${shop} CREATE ROLE ${role} LOGIN PASSWORD '${role}'; GRANT SELECT ON t TO ${role};`,
      major,
    );
    const to = await place('CREATE TABLE t (id int PRIMARY KEY, v int);', major);
    const { findings, compared } = await audit(to.db, { version: '0', source: from.db });
    const { files } = await buildMigrations(findings, compared, new Set(['postgres']));
    expect(files.map(({ name, decisions }) => [name, decisions])).toEqual([
      ['0001_default_of_t_v.sql', 0],
      [`0002_grants_of_${role}.sql`, 1],
    ]);
    expect(files[1]!.text).toContain(
      `-- migrate:decide role ${role} does not exist on this server: create it`,
    );
    await to.client.query(`GRANT CREATE ON DATABASE ${new URL(to.url).pathname.slice(1)} TO ${role}`);
    const manifest = await compileFiles([{ name: files[0]!.name, bytes: Buffer.from(files[0]!.text) }]);
    const { outcome } = await run(urlOf(to.url, { user: role, password: role }), manifest);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { sqlstate: '42501', message: expect.stringMatching(/owner of table t/) },
    });
    for (const { client } of [from, to]) await client.query(`DROP OWNED BY ${role} CASCADE`);
    await to.client.query(`DROP ROLE ${role}`);
  });
});

describe('the folder', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
  afterAll(() => rmSync(scratch, { recursive: true }));
  const files = (last: string) =>
    new Map([
      ['0001_a.sql', 'a'],
      [last, 'b'],
    ]);

  test('is there with all that is in it, also where an empty one was', () => {
    const folder = join(scratch, 'new', 'found');
    writeFolder(folder, files(join('base', 'x.sql')));
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual([
      '0001_a.sql',
      'base',
      join('base', 'x.sql'),
    ]);
    const empty = join(scratch, 'empty');
    mkdirSync(empty);
    writeFolder(empty, files('0002_b.sql'));
    expect(readdirSync(empty)).toHaveLength(2);
  });

  test('is not there where a file of it cannot be written', () => {
    const folder = join(scratch, 'cut');
    expect(() => writeFolder(folder, files(`${'x'.repeat(300)}.sql`))).toThrow(FolderProblem);
    expect(readdirSync(scratch).filter((name) => name.includes('cut'))).toEqual([]);
    writeFileSync(join(scratch, 'file'), '');
    expect(() => writeFolder(join(scratch, 'file', 'found'), files('0002_b.sql'))).toThrow(
      /cannot be written \(ENOTDIR\)|is not a folder/,
    );
  });
});
