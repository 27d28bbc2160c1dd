/** Folders as the tools keep them, and ledgers with the tools' own columns. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { atEndOfFile } from '../support/end-of-file';

let scratch: string | undefined;
atEndOfFile(() => {
  if (scratch) rmSync(scratch, { recursive: true });
  scratch = undefined;
});
let folders = 0;

function numberedFolder(): string {
  scratch ??= mkdtempSync(join(tmpdir(), 'trueup-adopt-'));
  return join(scratch, String(++folders));
}

/** @param name of the folder itself. */
export function folderOf(files: Readonly<Record<string, string>>, name = 'migrations'): string {
  const folder = join(numberedFolder(), name);
  mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** A folder that is not there yet. */
export const newFolder = (): string => join(numberedFolder(), 'taken');

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const SHOPS = 'CREATE TABLE shops (id bigserial PRIMARY KEY, name text NOT NULL);\n';
export const CODES = `ALTER TABLE shops ADD COLUMN "shopCode" text;
CREATE UNIQUE INDEX shops_code ON shops ("shopCode");
`;
export const NOTES = 'CREATE TABLE notes (id int PRIMARY KEY, note text);\n';

/** Three migrations in the form of each tool, and what it writes into its ledger for the first two. */
export interface Fixture {
  readonly tool: string;
  readonly name?: string;
  readonly files: Readonly<Record<string, string>>;
  readonly keys: readonly [string, string, string];
  readonly ledger: string;
  readonly rows: string;
}

const JOURNAL = JSON.stringify({
  version: '7',
  dialect: 'postgresql',
  entries: [
    { idx: 0, version: '7', when: 1_704_067_200_000, tag: '0000_shops', breakpoints: true },
    { idx: 1, version: '7', when: 1_704_153_600_000, tag: '0001_codes', breakpoints: true },
    { idx: 2, version: '7', when: 1_704_240_000_000, tag: '0002_notes', breakpoints: true },
  ],
});

export const PRISMA_LEDGER = `CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL,
  finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);`;
export const prismaRow = (name: string, text: string): string =>
  `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
   VALUES ('${name.slice(0, 36)}', '${sha256(text)}', '${name}', now() - interval '1 s', now(), 1);`;

export const FLYWAY_LEDGER = `CREATE TABLE flyway_schema_history (installed_rank int NOT NULL PRIMARY KEY, version varchar(50),
  description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int,
  installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL,
  success boolean NOT NULL);`;
export const flywayRow = (
  rank: number,
  version: string | null,
  description: string,
  more: Record<string, string> = {},
): string =>
  `INSERT INTO flyway_schema_history VALUES (${rank}, ${version === null ? 'NULL' : `'${version}'`}, '${description}',
   '${more.type ?? 'SQL'}', 'script', ${more.checksum ?? 'NULL'}, 'app', now(), 1, ${more.success ?? 'true'});`;

export const FIXTURES: readonly Fixture[] = [
  {
    tool: 'Supabase',
    name: 'supabase/migrations',
    files: {
      '20240101000000_shops.sql': SHOPS,
      '20240102000000_codes.sql': CODES,
      '20240103000000_notes.sql': NOTES,
      'README.md': '',
    },
    keys: ['20240101000000', '20240102000000', '20240103000000'],
    ledger: `CREATE SCHEMA supabase_migrations;
      CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);`,
    rows: `INSERT INTO supabase_migrations.schema_migrations VALUES ('20240101000000', NULL, 'shops'),
      ('20240102000000', ARRAY['ALTER TABLE shops ADD COLUMN "shopCode" text', 'CREATE UNIQUE INDEX shops_code ON shops ("shopCode")'], 'codes');`,
  },
  {
    tool: 'Prisma',
    name: 'prisma/migrations',
    files: {
      'migration_lock.toml': 'provider = "postgresql"\n',
      '20240101000000_shops/migration.sql': SHOPS,
      '20240102000000_codes/migration.sql': CODES,
      '20240103000000_notes/migration.sql': NOTES,
    },
    keys: ['20240101000000_shops', '20240102000000_codes', '20240103000000_notes'],
    ledger: PRISMA_LEDGER,
    rows: prismaRow('20240101000000_shops', SHOPS) + prismaRow('20240102000000_codes', CODES),
  },
  {
    tool: 'Drizzle',
    name: 'drizzle',
    files: {
      'meta/_journal.json': JOURNAL,
      '0000_shops.sql': SHOPS,
      '0001_codes.sql': CODES.replace('text;', 'text;--> statement-breakpoint'),
      '0002_notes.sql': NOTES,
    },
    keys: ['0000_shops', '0001_codes', '0002_notes'],
    ledger: `CREATE SCHEMA drizzle;
      CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);`,
    rows: `INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('${sha256(SHOPS)}', 1704067200000),
      ('${sha256(CODES.replace('text;', 'text;--> statement-breakpoint'))}', 1704153600000);`,
  },
  {
    tool: 'golang-migrate',
    files: {
      '1_shops.up.sql': `BEGIN;\n${SHOPS}COMMIT;\n`,
      '1_shops.down.sql': 'DROP TABLE shops;',
      '9_codes.up.sql': CODES,
      '9_codes.down.sql': 'DROP INDEX shops_code;',
      '10_notes.up.sql': NOTES,
    },
    keys: ['1', '9', '10'],
    ledger: 'CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);',
    rows: 'INSERT INTO schema_migrations VALUES (9, false);',
  },
  {
    tool: 'Flyway',
    files: { 'V1__shops.sql': SHOPS, 'V1_9__codes.sql': CODES, 'V1_10__notes.sql': NOTES },
    keys: ['1', '1.9', '1.10'],
    ledger: FLYWAY_LEDGER,
    rows: flywayRow(1, '1', 'shops') + flywayRow(2, '1.9', 'codes'),
  },
  {
    tool: 'dbmate',
    files: {
      '20240101000000_shops.sql': `-- migrate:up\n${SHOPS}\n-- migrate:down\nDROP TABLE shops;\n`,
      '20240102000000_codes.sql': `-- migrate:up\n${CODES}\n-- migrate:down\nDROP INDEX shops_code;\n`,
      '20240103000000_notes.sql': `-- migrate:up\n${NOTES}\n-- migrate:down\n`,
    },
    keys: ['20240101000000', '20240102000000', '20240103000000'],
    ledger: 'CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);',
    rows: "INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240102000000');",
  },
  {
    tool: 'node-pg-migrate',
    files: {
      '1704067200000_shops.sql': `-- Up Migration\n${SHOPS}\n-- Down Migration\nDROP TABLE shops;\n`,
      '1704153600000_codes.sql': `-- Up Migration\n${CODES}`,
      '1704240000000_notes.sql': NOTES,
    },
    keys: ['1704067200000_shops', '1704153600000_codes', '1704240000000_notes'],
    ledger:
      'CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);',
    rows: `INSERT INTO pgmigrations (name, run_on) VALUES ('1704067200000_shops', now()), ('1704153600000_codes', now());`,
  },
  {
    tool: 'goose',
    files: {
      '00001_shops.sql': `-- +goose Up\n-- +goose StatementBegin\n${SHOPS}-- +goose StatementEnd\n-- +goose Down\nDROP TABLE shops;\n`,
      '00002_codes.sql': `-- +goose Up\n${CODES}`,
      '00003_notes.sql': `-- +goose Up\n${NOTES}`,
    },
    keys: ['1', '2', '3'],
    ledger: `CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL,
      tstamp timestamp DEFAULT now());`,
    rows: 'INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true);',
  },
];
