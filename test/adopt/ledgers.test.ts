/** What each tool's ledger says of its folder: read from a real server, judged by the tool's own rule. */
import { describe, expect, test } from 'vitest';
import { readLedgersOfOtherTools } from '../../lambda/engine/ledger/other-tools';
import { connectPg } from '../../lambda/postgres/pg';
import { findLedger, type LedgerSearch } from '../../lib/adopt/ledger';
import { AdoptProblem } from '../../lib/adopt/problem';
import { readToolFolder } from '../../lib/adopt/tools';
import { connect, createDatabase, majors } from '../support/database';
import {
  CODES,
  FIXTURES,
  type Fixture,
  FLYWAY_LEDGER,
  flywayRow,
  folderOf,
  NOTES,
  PRISMA_LEDGER,
  prismaRow,
  SHOPS,
} from './support';

const fixture = (tool: string): Fixture => FIXTURES.find((each) => each.tool === tool)!;

/** What a database with this in it says of the folder. */
async function searched(
  major: number,
  sql: string,
  { files, name }: Pick<Fixture, 'files' | 'name'>,
  wanted?: string,
): Promise<LedgerSearch> {
  const url = await createDatabase(major);
  await (await connect(url)).query(sql);
  const db = await connectPg({ url, readOnly: true });
  try {
    const { rules, content } = readToolFolder(folderOf(files, name));
    return findLedger(await readLedgersOfOtherTools(db, null, { detail: true }), rules, content, wanted);
  } finally {
    await db.close();
  }
}

const states = ({ ledger }: LedgerSearch): string[] =>
  (ledger?.judgment.entries ?? []).map(({ entry, state }) => `${entry.key} ${state}`);

const [FIRST, SECOND, THIRD] = ['20240101000000_shops', '20240102000000_codes', '20240103000000_notes'];

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(FIXTURES)(
    '$tool: the first two of three are applied',
    async ({ keys, ledger, rows, ...folder }) => {
      const search = await searched(major, ledger + rows, folder);
      expect(states(search)).toEqual([`${keys[0]} applied`, `${keys[1]} applied`, `${keys[2]} pending`]);
      expect(search.ledger!.judgment.strangers).toEqual([]);
    },
  );

  test('Prisma: half applied, marked by hand, edited, run twice, and one without a file', async () => {
    const stamp = `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at)
      VALUES ('s', '', '${SECOND}', '2024-01-01', '2024-01-01');`;
    const begun = (more: string): string =>
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, logs, rolled_back_at) VALUES (${more});`;
    const sql = [
      PRISMA_LEDGER,
      begun(`'failed', '', '${FIRST}', 'secret', now()`),
      prismaRow(FIRST!, 'CREATE TABLE other ();'),
      prismaRow('20230101000000_gone', ''),
      stamp,
      begun(`'half', '', '${THIRD}', NULL, NULL`),
    ].join('');
    const search = await searched(major, sql, fixture('Prisma'));
    expect(states(search)).toEqual([`${FIRST} edited`, `${SECOND} stamped`, `${THIRD} failed`]);
    expect(search.ledger!.judgment.strangers).toEqual(['20230101000000_gone']);
  });

  test('Drizzle: what is older than the newest row is passed over, and was never run', async () => {
    const { ledger, files, name } = fixture('Drizzle');
    const journal = files['meta/_journal.json']!.replace('1704153600000', '1703000000000');
    const changed = { name, files: { ...files, 'meta/_journal.json': journal, 'left.sql': SHOPS } };
    const rows = `INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('other', 1704067200000);`;
    const search = await searched(major, ledger + rows, changed);
    expect(states(search)).toEqual(['0000_shops edited', '0001_codes skipped', '0002_notes pending']);
    const another = await searched(
      major,
      `${ledger}INSERT INTO drizzle.__drizzle_migrations VALUES (1, 'x', 1900000000000)`,
      changed,
    );
    expect(another).toEqual({ ledger: null, others: ['"drizzle"."__drizzle_migrations"'] });
  });

  test('Drizzle 1.0: by name', async () => {
    const files = {
      [`${FIRST}/migration.sql`]: SHOPS,
      [`${FIRST}/snapshot.json`]: '{}',
      [`${SECOND}/migration.sql`]: CODES,
    };
    const sql = `CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL,
      created_at bigint, name text, applied_at timestamptz DEFAULT now());
      INSERT INTO drizzle.__drizzle_migrations (hash, created_at, name) VALUES ('x', 1704067200000, '${FIRST}')`;
    expect(states(await searched(major, sql, { files, name: 'drizzle' }))).toEqual([
      `${FIRST} edited`,
      `${SECOND} pending`,
    ]);
  });

  test('golang-migrate: dirty', async () => {
    const { ledger, ...folder } = fixture('golang-migrate');
    const dirty = (version: number) =>
      searched(major, `${ledger}INSERT INTO schema_migrations VALUES (${version}, true)`, folder);
    expect(states(await dirty(9))).toEqual(['1 applied', '9 failed', '10 pending']);
    expect(states(await dirty(-1))).toEqual(['1 failed', '9 pending', '10 pending']);
  });

  test('Flyway: failed, out of order, a baseline, a checksum, a repeatable that changed', async () => {
    const files = {
      ...fixture('Flyway').files,
      'R__totals.sql': NOTES,
      'sub/V0_1__old.sql': SHOPS,
      'beforeMigrate.sql': '',
      'V2__more.sql': NOTES,
    };
    const sql = [
      FLYWAY_LEDGER,
      flywayRow(1, '1', '<< Flyway Baseline >>', { type: 'BASELINE' }),
      flywayRow(2, '1.10', 'notes', { checksum: '1' }),
      flywayRow(3, null, 'totals', { checksum: '1' }),
      flywayRow(4, '2', 'more', { success: 'false' }),
    ].join('');
    expect(states(await searched(major, sql, { files }))).toEqual([
      '0.1 stamped',
      '1 stamped',
      '1.9 skipped',
      '1.10 edited',
      '2 failed',
      'totals pending',
    ]);
  });

  test('Flyway: a baseline migration in place of the versions that the folder no longer has', async () => {
    const files = { 'B2_0__begin.sql': SHOPS, 'V2.1__notes.sql': NOTES };
    const of = async (rows: string) => states(await searched(major, FLYWAY_LEDGER + rows, { files }));
    const notes = flywayRow(9, '2.1', 'notes');
    expect(await of(flywayRow(1, '2.0', 'begin', { type: 'SQL_BASELINE' }) + notes)).toEqual([
      '2 applied',
      '2.1 applied',
    ]);
    expect(await of(flywayRow(1, '2.0', 'begin', { type: 'SQL_BASELINE', checksum: '1' }) + notes)).toEqual([
      '2 edited',
      '2.1 applied',
    ]);
    // It was migrated by the versions themselves.
    expect(await of(flywayRow(1, '1', 'a') + flywayRow(2, '2.0', 'b') + notes)).toEqual([
      '2 stamped',
      '2.1 applied',
    ]);
    expect(await of(notes)).toEqual(['2 stamped', '2.1 applied']);
    const both = readToolFolder(folderOf({ ...files, 'V1__shops.sql': SHOPS }), 'Flyway').content;
    expect(both.entries.map(({ key }) => key)).toEqual(['1', '2.1']);
    expect(both.passed).toMatchObject([{ file: 'B2_0__begin.sql' }]);
    const older = readToolFolder(folderOf({ ...files, 'B1__old.sql': SHOPS }), 'Flyway').content;
    expect([older.entries.map(({ key }) => key), older.passed]).toMatchObject([
      ['2', '2.1'],
      [{ file: 'B1__old.sql' }],
    ]);
  });

  test('Prisma: a folder that is called ….sql', async () => {
    const { ledger, rows, ...folder } = fixture('Prisma');
    const files = Object.fromEntries(
      Object.entries(folder.files).map(([file, text]) => [
        file.replace('/migration.sql', '.sql/migration.sql'),
        text,
      ]),
    );
    const named = rows.replace(/'(\d{14}_\w+)'/g, "'$1.sql'");
    expect(named).not.toBe(rows);
    expect(states(await searched(major, ledger + named, { ...folder, files }))).toEqual(
      states(await searched(major, ledger + rows, folder)).map((each) => each.replace(' ', '.sql ')),
    );
  });

  test("Flyway's checksum is the signed CRC-32 of the lines without their ends", async () => {
    // The check value that every description of CRC-32 gives for 123456789: 0xcbf43926.
    const sql = FLYWAY_LEDGER + flywayRow(1, '1', 'one', { checksum: String(0xcbf43926 | 0) });
    expect(states(await searched(major, sql, { files: { 'V1__one.sql': '12345\r\n6789\n' } }))).toEqual([
      '1 applied',
    ]);
  });

  test("Flyway's placeholders are replaced in what is run, and not in what its checksum is of", () => {
    const text = `SELECT '\${a b}';\n`;
    const read = (more: ReadonlyMap<string, string>) =>
      readToolFolder(folderOf({ 'V1__one.sql': text }), 'Flyway', { placeholders: more }).content.entries[0]!;
    const [one, other] = [read(new Map([['a b', '1']])), read(new Map([['a b', '$&']]))];
    expect([one.sql, other.sql]).toEqual(["SELECT '1';\n", "SELECT '$&';\n"]);
    expect(one.hashes).toEqual(other.hashes);
    expect(() => read(new Map())).toThrow(AdoptProblem);
  });

  test('Supabase: other statements than the file has', async () => {
    const { ledger, ...folder } = fixture('Supabase');
    const sql = `${ledger}INSERT INTO supabase_migrations.schema_migrations VALUES
      ('20240101000000', ARRAY['CREATE TABLE shops (id int)'], 'shops')`;
    expect(states(await searched(major, sql, folder))[0]).toBe('20240101000000 edited');
  });

  test("a Supabase database: its services' tables, and Rails', are no ledger of the folder", async () => {
    const services = `CREATE SCHEMA auth; CREATE TABLE auth.schema_migrations (version varchar(255) PRIMARY KEY);
      INSERT INTO auth.schema_migrations VALUES ('20240101000000');
      CREATE SCHEMA realtime; CREATE TABLE realtime.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));
      CREATE SCHEMA storage; CREATE TABLE storage.migrations (id int PRIMARY KEY, name varchar(100), hash varchar(40), executed_at timestamp);
      CREATE SCHEMA supabase_functions; CREATE TABLE supabase_functions.migrations (version text PRIMARY KEY, inserted_at timestamptz);`;
    const rails = `CREATE TABLE schema_migrations (version varchar PRIMARY KEY); CREATE TABLE ar_internal_metadata (key varchar);
      INSERT INTO schema_migrations VALUES ('20190101000000');`;
    const { ledger, rows, ...folder } = fixture('Supabase');
    expect((await searched(major, services + rails, folder)).ledger).toBeNull();
    expect((await searched(major, services + rails, fixture('dbmate'))).ledger).toBeNull();
    const search = await searched(major, services + rails + ledger + rows, folder);
    expect(search.ledger!.table).toBe('"supabase_migrations"."schema_migrations"');
  });

  test('two ledgers: both are named, and one is chosen by name', async () => {
    const { ledger, rows, ...folder } = fixture('Prisma');
    const sql = `${ledger}${rows}CREATE SCHEMA b; SET search_path = b; ${ledger}${rows}
      DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, b', current_database()); END $$`;
    const asked = searched(major, sql, folder);
    await expect(asked).rejects.toThrow(AdoptProblem);
    await expect(asked).rejects.toThrow('"b"."_prisma_migrations"');
    expect((await searched(major, sql, folder, 'b._prisma_migrations')).ledger!.table).toBe(
      '"b"."_prisma_migrations"',
    );
    await expect(searched(major, sql, folder, 'c.other')).rejects.toThrow(
      'c.other is not a ledger of Prisma',
    );
  });
});
