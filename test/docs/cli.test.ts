/** Every command and output in these pages of docs/ was really typed and printed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database as Sqlite } from 'node-sqlite3-wasm';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT, EXIT_CODE_HELP } from '../../lib/cli/exit-codes';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { trueup } from '../cli/trueup';
import { play } from '../support/console-blocks';
import { connect, urlOf } from '../support/database';
import { expectGenerated } from '../support/generated';

const DOCS = join(__dirname, '../../docs');
/** In the order in which they are read: the next one goes on with the database of the one before. */
const PAGES = [
  'index.md',
  'cli.md',
  'cli-verify.md',
  'cli-reference.md',
  'snapshot.md',
  'audit.md',
  'audit-report.md',
  'audit-write.md',
  'audit-sources.md',
  'workload-guard.md',
];
const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
/** With a database of their own: they compare all that is in it. */
const APART = [
  ['adopting.md', 'apart'],
  ['fleet.md', 'tenants'],
] as const;
let server: PostgresServer;
let url: string;
let client: Client;

// A server of its own: roles, and what is set for them, are everybody's on a shared one, and some pages count them.
beforeAll(async () => {
  server = await startPostgres({ major: 18 });
  url = urlOf(server.url(), { database: 'shop' });
  await (await connect(server.url())).query('CREATE DATABASE shop');
  client = await connect(url);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.stop();
});

/** `npx trueup …`, with `DATABASE_URL= ` before it where there is to be none, `psql -qc "…"`, `cat file` and `grep words file`, each perhaps with `; echo $?` after it. */
async function run(line: string): Promise<string> {
  const [command, ...rest] = line.replace(/^DATABASE_URL= /, '').split('; ');
  const database = line.startsWith('DATABASE_URL= ') ? '' : url;
  const [program, ...args] = [...command!.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare!,
  );
  if (program === 'psql') {
    await client.query(args[1]!);
    return '';
  }
  if (program === 'grep') {
    const lines = readFileSync(join(folder, args[1]!), 'utf8').split('\n');
    return lines
      .filter((each) => each.includes(args[0]!))
      .map((each) => `${each}\n`)
      .join('');
  }
  if (program === 'cat') return readFileSync(join(folder, args[0]!), 'utf8');
  if (program !== 'npx') throw new Error(`the documentation runs ${program}, which this test does not`);
  const { stdout, stderr, code } = await trueup(args.slice(1), {
    cwd: folder,
    env: { DATABASE_URL: database },
  });
  return `${stderr}${stdout}${rest.includes('echo $?') ? `${code}\n` : ''}`;
}

/** What docs/audit-sources.md begins with: an SQLite file, and a database that it and a dump were moved to. */
async function moved(): Promise<void> {
  const db = new Sqlite(join(folder, 'notes.db'));
  db.exec(`CREATE TABLE Notes (id INTEGER PRIMARY KEY AUTOINCREMENT, authorId TEXT NOT NULL, pinned BOOLEAN DEFAULT 0);
    CREATE UNIQUE INDEX one_pinned ON Notes (authorId) WHERE pinned = 1; CREATE VIEW pins AS SELECT id FROM Notes WHERE pinned;
    INSERT INTO Notes (authorId) VALUES ('a'), ('b');`);
  db.close();
  await client.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC;
    CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL); INSERT INTO customers VALUES (1, 'a@example.com');
    CREATE TABLE notes (id bigint PRIMARY KEY, author_id text NOT NULL, pinned boolean DEFAULT false);
    INSERT INTO notes VALUES (1, 'a'), (2, 'b'); ANALYZE;`);
}

async function expectPlayed(page: string): Promise<void> {
  const path = join(DOCS, page);
  const played = await play(readFileSync(path, 'utf8'), { folder, run });
  expectGenerated(path, () => played);
}

test.each(PAGES)('the examples of %s are true', async (page) => {
  if (page === 'audit-sources.md') await moved();
  await expectPlayed(page);
});

test.each(APART)('the examples of %s are true', async (page, database) => {
  await client.query(`CREATE DATABASE ${database}`);
  url = urlOf(server.url(), { database });
  client = await connect(url);
  await expectPlayed(page);
});

test('the exit codes are those of the program', () => {
  const written = readFileSync(join(DOCS, 'cli-reference.md'), 'utf8');
  for (const code of Object.values(EXIT)) expect(written).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
  for (const code of Object.values(EXIT)) expect(EXIT_CODE_HELP).toMatch(new RegExp(`^ {2}${code} `, 'm'));
});
