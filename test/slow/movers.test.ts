/**
 * Real movers, where they are installed (Debian: pgloader, postgresql-client, sqlite3): what each of them left behind is
 * found, and nothing else.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Database as Sqlite } from 'node-sqlite3-wasm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditOptions, audit } from '../../lib/audit/audit';
import { readSqliteSnapshot } from '../../lib/audit/sources/sqlite/source';
import { loadParser } from '../../lib/compiler/read/parser';
import { readOnly } from '../audit/support';
import { connect, createDatabase, majors, outerMajors } from '../support/database';

const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
beforeAll(() => loadParser());

const isInstalled = (program: string): boolean => {
  const there = spawnSync(program, ['--version']).status === 0;
  if (!there) console.warn(`${program} is not installed: its moves are left out`);
  return there;
};
/** pg_dump reads servers up to its own major. */
const dumps = Number(
  /\d+/.exec(spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[0] ?? 0,
);

const SHOP = `
  CREATE EXTENSION citext; CREATE SCHEMA shop;
  CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
  CREATE TABLE shop.customers (id bigserial PRIMARY KEY, email text NOT NULL, mood shop.mood NOT NULL DEFAULT 'ok', made timestamptz DEFAULT now());
  CREATE TABLE shop.orders (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer bigint NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
    total numeric(10, 2) NOT NULL CHECK (total >= 0), open boolean NOT NULL DEFAULT true);
  CREATE UNIQUE INDEX one_email ON shop.customers (lower(email));
  CREATE UNIQUE INDEX one_open ON shop.orders (customer) WHERE open;
  CREATE INDEX by_total ON shop.orders (total DESC);
  CREATE VIEW shop.open_orders AS SELECT o.id, c.email FROM shop.orders o JOIN shop.customers c ON c.id = o.customer WHERE o.open;
  CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
  CREATE TRIGGER touched BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
  COMMENT ON TABLE shop.orders IS 'what was bought';
  INSERT INTO shop.customers (email) SELECT 'c' || i FROM generate_series(1, 20) i;
  INSERT INTO shop.orders (customer, total) SELECT i, i FROM generate_series(1, 20) i;`;

const NOTES = `
  CREATE TABLE Accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL COLLATE NOCASE UNIQUE, active BOOLEAN NOT NULL DEFAULT 1);
  CREATE TABLE Notes (id char(36) DEFAULT (lower(hex(randomblob(16)))) PRIMARY KEY, accountId INTEGER NOT NULL REFERENCES Accounts (id) ON DELETE CASCADE,
    body TEXT, pinned BOOLEAN DEFAULT 0, made DATETIME DEFAULT CURRENT_TIMESTAMP, CHECK (length(body) > 0));
  CREATE UNIQUE INDEX one_pinned ON Notes (accountId) WHERE pinned = 1;
  CREATE INDEX by_made ON Notes (made);
  CREATE VIEW pins AS SELECT id FROM Notes WHERE pinned = 1;
  INSERT INTO Accounts (email) VALUES ('a'), ('b'); INSERT INTO Notes (accountId, body) VALUES (1, 'x'), (1, 'y');`;

async function found(target: string, source: AuditOptions['source']): Promise<string[]> {
  const { findings } = await audit(await readOnly(target), { version: '0', ...(source ? { source } : {}) });
  return findings.map(({ confidence, id, object }) => `${confidence} ${id} ${object}`).sort();
}

describe.each(outerMajors())('to PostgreSQL %i', (major) => {
  test.runIf(isInstalled('pgloader'))('pgloader from SQLite', async () => {
    const file = join(scratch, `notes${major}.db`);
    const db = new Sqlite(file);
    db.exec(NOTES);
    db.close();
    const target = await createDatabase(major);
    await run('pgloader', [file, target]);
    expect(await found(target, (catalog) => readSqliteSnapshot(file, catalog, '0'))).toMatchInlineSnapshot(`
        [
          "B missing-constraint public.notes",
          "B missing-primary-key-default public.notes.id",
          "B missing-not-null public.accounts.active",
          "B missing-not-null public.accounts.email",
          "B missing-not-null public.notes.accountid",
          "B missing-unique-index public.accounts",
          "B missing-unique-index public.notes",
          "B missing-view public.pins",
        ]
      `);
  });

  test.runIf(isInstalled('pgloader'))('pgloader from PostgreSQL', async () => {
    const [source, target] = [await createDatabase(majors()[0]), await createDatabase(major)];
    await (await connect(source)).query(SHOP);
    await run('pgloader', [source, target]);
    expect(await found(target, await readOnly(source))).toMatchInlineSnapshot(`
        [
          "B missing-comment shop.orders",
          "B missing-constraint shop.orders",
          "B missing-extension citext",
          "B missing-function shop.touch()",
          "B missing-not-null shop.customers.email",
          "B missing-not-null shop.customers.mood",
          "B missing-not-null shop.orders.customer",
          "B missing-not-null shop.orders.open",
          "B missing-not-null shop.orders.total",
          "B missing-trigger shop.orders",
          "B missing-view shop.open_orders",
        ]
      `);
  });

  test.runIf(isInstalled('pg_dump') && dumps >= majors()[0]!)(
    'pg_restore that goes on after errors',
    async () => {
      const [source, target] = [await createDatabase(majors()[0]), await createDatabase(major)];
      await (await connect(source)).query(SHOP);
      const file = join(scratch, `shop${major}.dump`);
      await run('pg_dump', ['--format=custom', `--file=${file}`, source]);
      // What stands in the way: a table of the same name, and rows that contradict its keys.
      await (
        await connect(target)
      ).query(`CREATE SCHEMA shop; CREATE TABLE shop.customers (id bigint, email text, mood text, made timestamptz);
      INSERT INTO shop.customers VALUES (1, 'c1'), (1, 'C1')`);
      const ended = await run('pg_restore', [`--dbname=${target}`, file]).catch(
        (error: { code: number }) => error,
      );
      expect(ended).toMatchObject({ code: 1 });
      expect(await found(target, await readOnly(source))).toMatchInlineSnapshot(`
          [
            "A duplicate-keys shop.customers",
            "B column-type-changed shop.customers.mood",
            "B missing-default shop.customers.made",
            "B missing-default shop.customers.mood",
            "B missing-foreign-key shop.orders.customer",
            "B missing-not-null shop.customers.email",
            "B missing-not-null shop.customers.id",
            "B missing-not-null shop.customers.mood",
            "B missing-primary-key shop.customers",
            "B missing-unique-index shop.customers",
          ]
        `);
    },
  );
});
