/** The cases of each error, raised on a real server by the statement that the diagnosis then reads. */
import { Client, type DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import type { Diagnosis, DiagnosisQuestion } from '../../lambda/defects/defect';
import { diagnose } from '../../lambda/defects/diagnose';
import { matchMessage } from '../../lambda/defects/signatures';
import { normalize } from '../../lambda/defects/sql-tokens';
import { makeManifest } from '../../lambda/engine/manifest';
import { connectPg } from '../../lambda/postgres/pg';
import { createDatabase, majors } from '../support/database';

const NONE = { manifest: makeManifest([]), status: null };

const databases = new Map<number, Promise<string>>();
function database(major: number): Promise<string> {
  const known = databases.get(major) ?? createDatabase(major);
  databases.set(major, known);
  return known;
}

/** Runs `schema`, then `statement`, which must fail; `since` changes the schema before the diagnosis looks. */
async function diagnosed(
  major: number,
  schema: string,
  statement: string | ((client: Client) => Promise<unknown>),
  options: { shown?: string; since?: string; user?: string } = {},
): Promise<Diagnosis> {
  const url = await database(major);
  const client = new Client({ connectionString: url });
  await client.connect();
  let error: DatabaseError | undefined;
  try {
    // A database for each test would be most of the time that this file takes.
    await client.query('DROP SCHEMA IF EXISTS shop, extensions, public CASCADE; CREATE SCHEMA public');
    for (const part of schema.split(/;\s*\n/))
      await client.query(part).catch((e) => expect(part).toMatch(/-- fails/) ?? e);
    await (typeof statement === 'string' ? client.query(statement) : statement(client)).catch((e) => {
      error = e;
    });
    if (options.since) await client.query(options.since);
  } finally {
    await client.end();
  }
  expect(error, 'the statement failed').toBeDefined();
  const matched = matchMessage(error!.message, error!.code!)!;
  const shown = options.shown ?? (typeof statement === 'string' ? statement : null);
  const question: DiagnosisQuestion = {
    signature: matched.signature.id,
    database: new URL(url).pathname.slice(1),
    user: options.user ?? 'postgres',
    table: matched.names.table ?? null,
    column: matched.names.column ?? null,
    message: matched.text,
    statement: shown === null ? null : normalize(shown),
  };
  const db = await connectPg({ url, readOnly: true, statementTimeoutMs: 5_000 });
  try {
    const answer = await diagnose(db, question, NONE);
    expect(JSON.stringify(answer)).not.toContain('CANARY');
    return answer;
  } finally {
    await db.close();
  }
}

const said = (diagnosis: Diagnosis): string => [...diagnosis.cause, ...diagnosis.unseen].join(' ');

describe.each(majors())('ON CONFLICT on PostgreSQL %i', (major) => {
  const TABLE = 'CREATE TABLE m (a int, b int, c text, is_active boolean, deleted_at timestamptz)';
  const insert = (clause: string): string =>
    `INSERT INTO m AS x (a, b, c, is_active) VALUES (1, 2, 'CANARY', true) ${clause}`;
  const unique = (rest: string): string => `${TABLE};\nCREATE UNIQUE INDEX ux ON m ${rest}`;

  it.each([
    ['no index at all', TABLE, 'ON CONFLICT (a, b) DO NOTHING', 'no-index', 'missing-conflict-target'],
    [
      'other columns',
      unique('(a, c)'),
      'ON CONFLICT (a, b) DO NOTHING',
      'other-columns',
      'missing-conflict-target',
    ],
    [
      'an expression',
      unique('(a, lower(c))'),
      'ON CONFLICT (a, c) DO NOTHING',
      'other-columns',
      'missing-conflict-target',
    ],
    [
      'wider',
      unique('(a, b, c)'),
      'ON CONFLICT (a, b) DO NOTHING',
      'other-columns',
      'missing-conflict-target',
    ],
    [
      'included columns do not count',
      unique('(a) INCLUDE (b)'),
      'ON CONFLICT (a, b) DO NOTHING',
      'other-columns',
      'missing-conflict-target',
    ],
    [
      'no predicate',
      unique('(b, a) WHERE is_active'),
      'ON CONFLICT (a, b) DO UPDATE SET c = excluded.c',
      'predicate-missing',
      'conflict-predicate',
    ],
    [
      'another predicate',
      unique('(a, b) WHERE is_active'),
      'ON CONFLICT (a, b) WHERE is_active IS TRUE DO NOTHING',
      'predicate-differs',
      'conflict-predicate',
    ],
    [
      'half of it',
      unique('(a, b) WHERE is_active AND deleted_at IS NULL'),
      'ON CONFLICT (a, b) WHERE is_active DO NOTHING',
      'predicate-differs',
      'conflict-predicate',
    ],
    [
      'another value',
      unique("(a, b) WHERE c = 'x'"),
      "ON CONFLICT (a, b) WHERE c = 'CANARY' DO NOTHING",
      'unseen-values',
      'conflict-predicate',
    ],
    [
      'INVALID',
      `${TABLE};\nINSERT INTO m VALUES (1, 2), (1, 2);\nCREATE UNIQUE INDEX CONCURRENTLY ux ON m (a, b) -- fails`,
      'ON CONFLICT (a, b) DO NOTHING',
      'invalid-index',
      'invalid-index',
    ],
  ])('%s', async (_name, schema, clause, expectedCase, kind) => {
    const diagnosis = await diagnosed(major, schema, insert(clause));
    expect(diagnosis).toMatchObject({
      kind,
      case: expectedCase,
      subject: 'public.m (a, b)'.replace('(a, b)', /\(a, c\)/.test(clause) ? '(a, c)' : '(a, b)'),
    });
    expect(said(diagnosis)).toMatch(/public\.m|ux/);
  });

  it('a bind parameter in the predicate: five times well, then never again', async () => {
    const text =
      'INSERT INTO m (a, b, is_active) VALUES ($1, $2, true) ON CONFLICT (a, b) WHERE is_active = $3 DO NOTHING';
    let ran = 0;
    const diagnosis = await diagnosed(
      major,
      unique('(a, b) WHERE is_active'),
      async (client) => {
        for (; ran < 10; ran++) await client.query({ name: 'p', text, values: [1, 2, true] });
      },
      { shown: text },
    );
    expect(ran).toBe(5);
    expect(diagnosis).toMatchObject({ kind: 'conflict-predicate', case: 'bind-parameter' });
    expect(said(diagnosis)).toMatch(/sixth execution/);
  });

  it('a missing index is made for the predicate that the statement carries', async () => {
    const repair = async (clause: string) =>
      (await diagnosed(major, TABLE, insert(clause))).repair.sql.at(-1);
    expect(await repair('ON CONFLICT (a, b) WHERE is_active = true DO NOTHING')).toBe(
      'CREATE UNIQUE INDEX CONCURRENTLY m_a_b_key ON public.m (a, b) WHERE is_active = true;',
    );
    expect(await repair("ON CONFLICT (a, b) WHERE c = 'CANARY' DO NOTHING")).toBe(
      'CREATE UNIQUE INDEX CONCURRENTLY m_a_b_key ON public.m (a, b);',
    );
  });

  it('the index was made since', async () => {
    const diagnosis = await diagnosed(major, TABLE, insert('ON CONFLICT (a, b) DO NOTHING'), {
      since: 'CREATE UNIQUE INDEX later ON m (a, b)',
    });
    expect(diagnosis).toMatchObject({ case: 'serves-now', repair: { sql: [] } });
  });

  it('names that need quotes, in a schema of the role’s own', async () => {
    const diagnosis = await diagnosed(
      major,
      `CREATE SCHEMA shop; CREATE TABLE shop."Order" ("Key" int, "user" int);
       CREATE TABLE public."Order" ("Key" int UNIQUE);
       DO $$ BEGIN CREATE ROLE shopper_${major}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
       ALTER ROLE shopper_${major} SET search_path = shop, public;
       SET search_path = shop, public`,
      'INSERT INTO "Order" ("Key", "user") VALUES (1, 2) ON CONFLICT ("Key", "user") DO NOTHING',
      { user: `shopper_${major}` },
    );
    expect(diagnosis.subject).toBe('shop."Order" ("Key", "user")');
    expect(diagnosis.repair.sql.at(-1)).toBe(
      'CREATE UNIQUE INDEX CONCURRENTLY "Order_Key_user_key" ON shop."Order" ("Key", "user");',
    );
  });

  it('inside WITH, and beside another that is right', async () => {
    const diagnosis = await diagnosed(
      major,
      `${TABLE};\nCREATE TABLE n (id int PRIMARY KEY)`,
      `WITH first AS (INSERT INTO n VALUES (1) ON CONFLICT (id) DO NOTHING RETURNING id)
       INSERT INTO m (a) SELECT id FROM first ON CONFLICT (a) DO NOTHING`,
    );
    expect(diagnosis).toMatchObject({ case: 'no-index', subject: 'public.m (a)' });
  });

  it('without the statement it says so, and names INVALID unique indexes', async () => {
    const diagnosis = await diagnosed(
      major,
      `${TABLE};\nINSERT INTO m VALUES (1, 2), (1, 2);\nCREATE UNIQUE INDEX CONCURRENTLY ux ON m (a, b) -- fails`,
      (client) => client.query(insert('ON CONFLICT (a, b) DO NOTHING')),
    );
    expect(diagnosis).toMatchObject({ kind: null, subject: null });
    expect(said(diagnosis)).toMatch(/ux on public\.m is INVALID.*no statement/);
  });
});

describe.each(majors())('NOT NULL on PostgreSQL %i', (major) => {
  it.each([
    [
      'an id without default',
      'CREATE TABLE t (id uuid PRIMARY KEY, x int)',
      'INSERT INTO t (x) VALUES (1)',
      'missing-id-default',
      null,
      /leaves the column out/,
    ],
    [
      'an id without default, given as NULL',
      'CREATE TABLE t (id uuid PRIMARY KEY, x int)',
      'INSERT INTO t (id, x) VALUES (NULL, 1)',
      'missing-id-default',
      null,
      /the application gave NULL/,
    ],
    [
      'an id with a default, given as NULL',
      'CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), x int)',
      'INSERT INTO t (id, x) VALUES (NULL, 1)',
      'missing-id-default',
      'explicit-null',
      /gave NULL/,
    ],
    [
      'no column list',
      'CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, x int)',
      'INSERT INTO t VALUES (NULL, 1)',
      'missing-id-default',
      'explicit-null',
      /is an identity/,
    ],
    [
      'a column that is filled later',
      'CREATE TABLE t (id int PRIMARY KEY, x int NOT NULL)',
      'INSERT INTO t (id) VALUES (1)',
      'premature-not-null',
      null,
      /NOT NULL and has no default/,
    ],
    [
      'an UPDATE',
      'CREATE TABLE t (id int, x int NOT NULL); INSERT INTO t VALUES (1, 1)',
      'UPDATE t SET x = NULL',
      'premature-not-null',
      null,
      /is no INSERT/,
    ],
    [
      'ON DELETE SET NULL',
      'CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE t (p_id int NOT NULL REFERENCES p ON DELETE SET NULL); INSERT INTO p VALUES (1); INSERT INTO t VALUES (1)',
      'DELETE FROM p',
      'premature-not-null',
      'set-null',
      /foreign key t_p_id_fkey sets it to null/,
    ],
    [
      'a partition',
      'CREATE TABLE t (id int NOT NULL, d int) PARTITION BY RANGE (d);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (9)',
      'INSERT INTO t (d) VALUES (1)',
      'premature-not-null',
      null,
      /public\.t\.id is NOT NULL.*partition t_1/,
    ],
  ])('%s', async (_name, schema, statement, kind, expectedCase, words) => {
    const diagnosis = await diagnosed(major, schema, statement);
    expect(diagnosis).toMatchObject({ kind, case: expectedCase });
    expect(said(diagnosis)).toMatch(words);
  });

  it('repaired since', async () => {
    const nullable = await diagnosed(
      major,
      'CREATE TABLE t (x int NOT NULL, y int)',
      'INSERT INTO t (y) VALUES (1)',
      {
        since: 'ALTER TABLE t ALTER x DROP NOT NULL',
      },
    );
    expect(nullable.case).toBe('repaired-since');
    const filled = await diagnosed(
      major,
      'CREATE TABLE t (x int NOT NULL, y int)',
      'INSERT INTO t (y) VALUES (1)',
      {
        since: 'ALTER TABLE t ALTER x SET DEFAULT 1',
      },
    );
    expect(filled.case).toBe('repaired-since');
    const gone = await diagnosed(
      major,
      'CREATE TEMP TABLE t (x int NOT NULL, y int)',
      'INSERT INTO t (y) VALUES (1)',
    );
    expect(gone).toMatchObject({ kind: null, cause: [] });
    expect(said(gone)).toMatch(/no table t with a column x/);
  });
});

describe.each(majors())('keys and functions on PostgreSQL %i', (major) => {
  it('a function out of sight', async () => {
    const diagnosis = await diagnosed(
      major,
      'CREATE SCHEMA extensions;\nCREATE EXTENSION "uuid-ossp" SCHEMA extensions',
      'SELECT uuid_generate_v4()',
    );
    expect(diagnosis).toMatchObject({ kind: 'missing-uuid-function', case: 'other-schema' });
    expect(said(diagnosis)).toMatch(
      /extensions\.uuid_generate_v4\(\) exists, but its schema is not on the search path of postgres \(postgres, public\)/,
    );
  });
  it('the key is the text, and the references are uuid', async () => {
    const diagnosis = await diagnosed(
      major,
      'CREATE TABLE accounts (id varchar(255) PRIMARY KEY);\nCREATE TABLE services (id int, account_id uuid);\nCREATE TABLE others (id int, account_id text)',
      'ALTER TABLE services ADD FOREIGN KEY (account_id) REFERENCES accounts (id)',
    );
    expect(diagnosis).toMatchObject({ kind: 'mismatched-key-types', subject: 'public.accounts.id' });
    expect(diagnosis.repair.sql).toEqual([
      'ALTER TABLE public.accounts ALTER COLUMN id TYPE uuid USING id::uuid;',
    ]);
  });
  it('nothing in the schema, so perhaps the application', async () => {
    const diagnosis = await diagnosed(
      major,
      'CREATE TABLE accounts (id uuid PRIMARY KEY)',
      "SELECT 1 FROM accounts WHERE id = 'CANARY'::varchar",
    );
    expect(diagnosis).toMatchObject({ case: 'no-pair-found' });
    expect(diagnosis.repair.words).toMatch(/type declared/);
  });
});
