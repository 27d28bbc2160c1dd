/** What a diagnosis says beside the cases of the kinds (cases.test.ts): search paths, statements that are not logged, keys, functions. */
import { Client, type DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import type { Diagnosis, DiagnosisRequest } from '../../lambda/contract/diagnosis';
import { makeManifest } from '../../lambda/contract/manifest';
import { diagnose } from '../../lambda/defects/diagnose';
import { matchMessage } from '../../lambda/defects/signatures';
import { connectPg } from '../../lambda/postgres/pg';
import { normalizeStatement } from '../../lambda/sql/tokens';
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
  const question: DiagnosisRequest = {
    signature: matched.signature.id,
    database: new URL(url).pathname.slice(1),
    user: options.user ?? 'postgres',
    table: matched.names.table ?? null,
    column: matched.names.column ?? null,
    message: matched.text,
    statement: shown === null ? null : normalizeStatement(shown),
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

const said = (diagnosis: Diagnosis): string => [...diagnosis.cause, ...diagnosis.notChecked].join(' ');

describe.each(majors())('ON CONFLICT on PostgreSQL %i', (major) => {
  const TABLE = 'CREATE TABLE m (a int, b int, c text, is_active boolean, deleted_at timestamptz)';
  const insert = (clause: string): string =>
    `INSERT INTO m AS x (a, b, c, is_active) VALUES (1, 2, 'CANARY', true) ${clause}`;

  it('what a predicate or an expression means is the planner’s to say, not its spelling’s', async () => {
    const serves: [string, string][] = [
      // The operator is strict: what equals something is not null.
      ['(a) WHERE c IS NOT NULL', 'ON CONFLICT (a) WHERE c = lower(c) DO NOTHING'],
      ['(a) WHERE a < b', 'ON CONFLICT (a) WHERE b > a DO NOTHING'],
      ['(a, lower(c))', 'ON CONFLICT (a, pg_catalog.lower(c)) DO NOTHING'],
    ];
    for (const [index, clause] of serves) {
      const answer = await diagnosed(major, TABLE, insert(clause), {
        since: `CREATE UNIQUE INDEX ux ON m ${index}`,
      });
      expect([clause, answer.verdict, answer.cause]).toEqual([
        clause,
        'not-reproduced',
        [expect.stringMatching(/^ux on public\.m matches ON CONFLICT/)],
      ]);
    }
    // Spelled alike, and yet another function.
    const other = await diagnosed(
      major,
      `CREATE FUNCTION lower(text, int DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';\n${TABLE};
CREATE UNIQUE INDEX ux ON m (a, public.lower(c))`,
      insert('ON CONFLICT (a, lower(c)) DO NOTHING'),
    );
    expect([other.verdict, other.case]).toEqual(['application', 'other-spelling']);
    // Sure of it, it no longer says that texts were compared.
    const differs = await diagnosed(
      major,
      `${TABLE};\nCREATE UNIQUE INDEX ux ON m (a) WHERE is_active`,
      insert('ON CONFLICT (a) WHERE is_active IS NOT NULL DO NOTHING'),
    );
    expect(differs.case).toBe('predicate-differs');
    expect(said(differs)).not.toContain('compared by their text');
  });

  it('of a prepared statement the log has the EXECUTE alone, and that is what is said', async () => {
    const answer = await diagnosed(
      major,
      `${TABLE};\nPREPARE q AS SELECT 1`,
      insert('ON CONFLICT (a) DO NOTHING'),
      { shown: 'EXECUTE q(1)' },
    );
    expect(said(answer)).toContain('The log has the EXECUTE of a prepared statement, but not its text.');
  });

  it('what the planner does not take leaves the clause to be read', async () => {
    const cut = await diagnosed(major, TABLE, insert('ON CONFLICT (a) DO NOTHING'), {
      shown: `${insert('ON CONFLICT (a) DO UPDATE SET c = ')}'CANARY`,
    });
    expect(cut).toMatchObject({ case: 'no-index', verdict: 'schema' });
    const several = await diagnosed(major, TABLE, insert('ON CONFLICT (a) DO NOTHING'), {
      shown: `${insert('ON CONFLICT (a) DO NOTHING')}; DROP TABLE m`,
    });
    expect(several).toMatchObject({ case: 'no-index', verdict: 'schema' });
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

  it('names that need quotes, in a schema of the role’s own', async () => {
    const diagnosis = await diagnosed(
      major,
      `CREATE SCHEMA shop; CREATE TABLE shop."Order" ("Key" int, "user" int);
       CREATE TABLE public."Order" ("Key" int UNIQUE);
       DO $$ BEGIN CREATE ROLE shopper_${major}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
       DO $$ BEGIN EXECUTE format('ALTER ROLE shopper_${major} IN DATABASE %I SET search_path = shop, public', current_database()); END $$;
       SET search_path = shop, public`,
      'INSERT INTO "Order" ("Key", "user") VALUES (1, 2) ON CONFLICT ("Key", "user") DO NOTHING',
      { user: `shopper_${major}` },
    );
    expect(diagnosis.subject).toBe('shop."Order" ("Key", "user")');
    expect(diagnosis.repair.sql.at(-1)).toBe(
      'CREATE UNIQUE INDEX CONCURRENTLY "Order_Key_user_key" ON shop."Order" ("Key", "user");',
    );
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
