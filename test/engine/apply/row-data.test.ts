/** No row's value ever reaches an error message: the server's words are shown only where they name objects. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SqlError } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { SERVER_MESSAGES } from '../../../lambda/postgres/server-messages';
import { safeServerMessage } from '../../../lambda/postgres/server-words';
import { findBinaries, listInstalledMajors } from '../../../lib/scratch-postgres/binaries';
import { connect, createDatabase, majors } from '../../support/database';

const SECRET = /jane|doe|secret|48600/;
const WITHHELD = 'the server refused it; its message is withheld here because it may quote row data';

const raising = (code: string): string => `DO $$ BEGIN
  RAISE EXCEPTION '% owes %', (SELECT name FROM people LIMIT 1), (SELECT phone FROM people LIMIT 1) USING ERRCODE = '${code}';
END $$`;

const QUOTES_DATA: readonly (readonly [name: string, sql: string, majors?: number])[] = [
  ['tsvector', 'ALTER TABLE people ALTER note TYPE tsvector USING note::tsvector'],
  ['tsquery', 'UPDATE people SET phone = to_tsquery(note)::text'],
  ['phrase in a tsquery', "UPDATE people SET phone = (note || ' <')::tsquery::text"],
  ['jsonpath', 'UPDATE people SET phone = (note)::jsonpath::text'],
  ['regclass with dots', 'UPDATE people SET phone = email::regclass::text'],
  ['regclass with many dots', "UPDATE people SET phone = 'jane.doe.of.secret'::text::regclass::text"],
  ['regtype', 'UPDATE people SET phone = email::regtype::text'],
  ['regrole', 'UPDATE people SET phone = quote_ident(email)::regrole::text'],
  ['uuid', 'UPDATE people SET phone = email::uuid::text'],
  ['dynamic SQL', 'DO $$ BEGIN EXECUTE (SELECT email FROM people); END $$'],
  ['dynamic SQL, no end of a quote', "DO $$ BEGIN EXECUTE (SELECT '''' || note FROM people); END $$"],
  ...[
    'P0001',
    '23505',
    '23514',
    '23502',
    '42501',
    '42P01',
    '0A000',
    '55000',
    '28000',
    '54000',
    '57014',
    '40001',
    '42601',
    '42883',
    '55P03',
    '2BP01',
    '25006',
    '53100',
  ].map((code) => [`RAISE with ${code}`, raising(code)] as const),
];

const NAMES_OBJECTS: readonly (readonly [message: RegExp, sql: string])[] = [
  [/^relation "nowhere" does not exist$/, 'SELECT * FROM nowhere'],
  [/^relation "nowhere" does not exist$/, 'ALTER TABLE nowhere ADD x int'],
  [/^column "nothing" does not exist$/, 'SELECT nothing FROM people'],
  [/^column "nothing" of relation "people" does not exist$/, 'ALTER TABLE people ALTER nothing DROP DEFAULT'],
  [/^function nothing\(character varying\) does not exist$/, "SELECT nothing('a'::character varying)"],
  [/^type "moods" does not exist$/, 'ALTER TABLE people ADD m moods'],
  [/^type "pg_catalog.moods" does not exist$/, 'ALTER TABLE people ADD m pg_catalog.moods'],
  [/^syntax error at or near "FORM"$/, 'SELECT * FORM people'],
  [/^syntax error at or near "\)"$/, 'SELECT 1)'],
  [/^operator does not exist: integer = text$/, "SELECT 1 = 'a'::text"],
  [/^relation "people" already exists$/, 'CREATE TABLE people (id int)'],
  [/^relation "Odd name" does not exist$/, 'SELECT * FROM "Odd name"'],
  [
    /^constraint "people_2024_11_pkey" of relation "people" does not exist$/,
    'ALTER TABLE people DROP CONSTRAINT people_2024_11_pkey',
  ],
  [
    /^column "email" cannot be cast automatically to type integer$/,
    'ALTER TABLE people ALTER email TYPE int',
  ],
  [
    /^null value in column "id" (of relation "people" )?violates not-null constraint$/,
    "INSERT INTO people (email) VALUES ('jane')",
  ],
  [
    /^column "phone" (of relation "people" )?contains null values$/,
    'INSERT INTO people (id) VALUES (2); ALTER TABLE people ALTER phone SET NOT NULL',
  ],
  [
    /^duplicate key value violates unique constraint "people_pkey"$/,
    'INSERT INTO people (id) SELECT id FROM people',
  ],
  [
    /^could not create unique index "twice"$/,
    'INSERT INTO people (id, email) SELECT 2, email FROM people; CREATE UNIQUE INDEX twice ON people (email)',
  ],
  [
    /^new row for relation "people" violates check constraint "positive"$/,
    'ALTER TABLE people ADD CONSTRAINT positive CHECK (id > 0); INSERT INTO people (id) VALUES (-1)',
  ],
  [
    /^check constraint "negative" (of relation "people" )?is violated by some row$/,
    'ALTER TABLE people ADD CONSTRAINT negative CHECK (id < 0)',
  ],
  [
    /^insert or update on table "orders" violates foreign key constraint "orders_person_fkey"$/,
    'CREATE TABLE orders (person int REFERENCES people); INSERT INTO orders VALUES (9)',
  ],
  [
    /^update or delete on table "people" violates .*foreign key constraint "orders_person_fkey" on table "orders"$/,
    'CREATE TABLE orders (person int REFERENCES people); INSERT INTO orders VALUES (1); DELETE FROM people',
  ],
  [
    /^conflicting key value violates exclusion constraint "one"$/,
    'ALTER TABLE people ADD CONSTRAINT one EXCLUDE (phone WITH =); INSERT INTO people (id, phone) SELECT 2, phone FROM people',
  ],
  [
    /^no partition of relation "parts" found for row$/,
    'CREATE TABLE parts (id int) PARTITION BY LIST (id); INSERT INTO parts VALUES (1)',
  ],
  [
    /^value for domain .+ violates check constraint "even"$/,
    'CREATE DOMAIN public.half AS int CONSTRAINT even CHECK (VALUE % 2 = 0); SELECT 3::half',
  ],
  [/^permission denied for (schema|table) .+$/, 'SET LOCAL ROLE pg_monitor; SELECT * FROM people'],
  [/^must be owner of table people$/, 'SET LOCAL ROLE pg_monitor; DROP TABLE people'],
  [
    /^cannot alter type of a column used by a view or rule$/,
    'CREATE VIEW v AS SELECT email FROM people; ALTER TABLE people ALTER email TYPE varchar(9)',
  ],
  [
    /^cannot drop table people because other objects depend on it$/,
    'CREATE VIEW v AS SELECT email FROM people; DROP TABLE people',
  ],
];

describe.each(majors())('PostgreSQL %i', (major) => {
  test('what is withheld, and what is not', async () => {
    const url = await createDatabase(major);
    await (
      await connect(url)
    ).query(`CREATE TABLE people (id int PRIMARY KEY, email text, phone text, note text, name text);
      INSERT INTO people VALUES (1, 'jane.doe@secret.org', '48600', 'jane.doe''s "phone" 48600 ''x', 'jane doe')`);
    const db = await connectPg({ url });
    const refused = async (sql: string): Promise<SqlError> => {
      const error = await db.execute([{ statements: [sql, 'SELECT 1/0 AS undo'] }]).catch((e: unknown) => e);
      expect(error, sql).toBeInstanceOf(SqlError);
      expect((error as SqlError).sqlstate, sql).not.toBe('22012');
      return error as SqlError;
    };
    for (const [name, sql] of QUOTES_DATA) {
      const error = await refused(sql);
      const { sqlstate, message } = error;
      expect(safeServerMessage(sqlstate, message, error), `${name}: ${message}`).not.toMatch(SECRET);
      // As over the Data API, which does not say what reported it.
      const unplaced = { ...error, routine: undefined };
      expect(safeServerMessage(sqlstate, message, unplaced), `${name}: ${message}`).not.toMatch(SECRET);
    }
    for (const [words, sql] of NAMES_OBJECTS) {
      const error = await refused(sql);
      const { sqlstate, message } = error;
      expect(safeServerMessage(sqlstate, message, error)).toMatch(words);
      // As over the Data API.
      expect(safeServerMessage(sqlstate, message)).toMatch(words);
    }
    await db.close();
  });
});

test("every message that is taken for the server's own is in its source, word for word", () => {
  const sources = listInstalledMajors().flatMap((major) => {
    const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
    const source = readFileSync(findBinaries(major, folder).postgres, 'latin1');
    rmSync(folder, { recursive: true });
    return source;
  });
  const unknown = SERVER_MESSAGES.filter((message) => {
    const escaped = message.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&').replace(/[%@#]/g, '%[sdu]');
    return !sources.some((source) => new RegExp(`${escaped}\\0`).test(source));
  });
  expect(unknown).toEqual([]);
});

test('without the place where it was raised (Data API)', () => {
  for (const [sqlstate, message] of [
    ['23505', 'jane is taken'],
    ['23505', 'duplicate key value violates unique constraint "people_pkey" for jane'],
    ['42501', 'jane may not do this'],
    ['42501', 'permission denied for Jane Doe, who owes 300'],
    ['42501', 'must be owner of 300'],
    ['42P01', 'Jane Doe owes 300'],
    ['42P01', 'jane doe owes 300'],
    ['42P01', 'relation "people" does not exist for jane'],
    ['42883', 'function of Jane Doe, 300, does not exist'],
    ['2BP01', 'cannot drop jane 300 because other objects depend on it'],
    ['57014', 'canceling statement due to user request of jane'],
    ['40001', 'could not serialize access due to jane'],
    ['42601', 'syntax error in tsvector: "jane"'],
    ['42601', 'syntax error at or near "jane" of jsonpath input'],
    ['42601', 'improper qualified name (too many dotted names): jane.doe.of.secret'],
    ['0A000', 'cross-database references are not implemented: "jane.doe.secret"'],
    ['42P01', 'relation "jane@secret.org" does not exist'],
    ['22P02', 'invalid input syntax for type uuid: "jane"'],
    [undefined, 'jane'],
  ] as const) {
    expect(safeServerMessage(sqlstate, message)).toBe(WITHHELD);
  }
  expect(safeServerMessage('TU001', '1\njane has no default', { routine: 'exec_stmt_raise' })).toContain(
    'jane',
  );
});
