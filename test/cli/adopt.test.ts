/** `trueup adopt` against real servers, as a process. test/slow/adopt.test.ts has it for every tool. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FIXTURES, folderOf, NOTES, newFolder, SHOPS } from '../adopt/support';
import { connect, createDatabase, newestMajor } from '../support/database';
import { trueup } from './trueup';

const CANARY = 'c4n4ry';
const drizzle = FIXTURES.find(({ tool }) => tool === 'Drizzle')!;

test("without a database: what was understood, in the tool's order", async () => {
  const golang = FIXTURES.find(({ tool }) => tool === 'golang-migrate')!;
  const { code, stdout } = await trueup(['adopt', folderOf({ ...golang.files, 'notes.sql': '' })]);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(
      /: 3 migrations of golang-migrate\.\n {2}skipped file {2}notes\.sql: .*\n {2}1\n {2}9\n {2}10\n/,
    ),
  ]);
});

test('what is wrong with how it is called', async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await trueup(['adopt', ...args]);
    return [code, stderr.split('\n')[0]];
  };
  const folder = folderOf(drizzle.files, 'drizzle');
  const full = folderOf({ 'a.txt': '' });
  expect(await refused(join(folder, 'none'))).toEqual([2, expect.stringContaining('there is no folder')]);
  expect(await refused(full)).toEqual([2, expect.stringContaining('has no migrations of a supported tool')]);
  expect(await refused(folder, '--tool', 'liquibase')).toEqual([
    2,
    expect.stringContaining('the tool `liquibase` is not supported'),
  ]);
  expect(await refused(folder, '--output', newFolder())).toEqual([
    2,
    expect.stringContaining('--output needs the database'),
  ]);
  expect(await refused(folder, '--output', full)).toEqual([
    2,
    expect.stringContaining('already exists and is not empty'),
  ]);
  const code = folderOf({ '20240101000000_a.js': '' });
  expect(await refused(code, '--database-url', 'postgres://localhost:1/x')).toEqual([
    2,
    expect.stringContaining('are code (20240101000000_a.js), which only Knex can run'),
  ]);
});

test("Flyway's placeholders: a value for each, or a sentence", async () => {
  const folder = folderOf({ 'V1__a.sql': `CREATE TABLE \${schema}.a (id int DEFAULT \${one});` });
  const refused = await trueup(['adopt', folder, '--placeholder', 'schema=public']);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining(
      `V1__a.sql has the placeholder \${one}, and Trueup does not read Flyway's configuration`,
    ),
  ]);
  const odd = await trueup(['adopt', folder, '--placeholder', 'schema']);
  expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining('`schema` is not a placeholder')]);
  const given = ['--placeholder', 'schema=public', '--placeholder', 'one=1=1'];
  expect((await trueup(['adopt', folder, ...given])).code).toBe(0);
});

test('a ledger that lies: each difference is a finding, what was never run is for a person to decide, no value is shown', async () => {
  const url = await createDatabase(newestMajor());
  const client = await connect(url);
  // The second migration is in the ledger, and its index is not in the database; somebody added a column by hand.
  await client.query(`${drizzle.ledger}${drizzle.rows}${SHOPS}ALTER TABLE shops ADD COLUMN "shopCode" text, ADD COLUMN by_hand int;
    INSERT INTO shops (name) VALUES ('${CANARY}')`);
  const journal = JSON.parse(drizzle.files['meta/_journal.json']!);
  journal.entries.splice(1, 0, { idx: 9, when: 1_704_100_000_000, tag: '0009_late', breakpoints: true });
  const files = {
    ...drizzle.files,
    'meta/_journal.json': JSON.stringify(journal),
    '0009_late.sql': `${NOTES.replace('notes', 'late')}INSERT INTO late VALUES (1, '${CANARY}');`,
  };
  const folder = folderOf(files, 'drizzle');
  const output = newFolder();
  mkdirSync(output, { recursive: true });
  const json = await trueup(['adopt', folder, '--database-url', url, '--json']);
  expect(json.code).toBe(6);
  const { entries, findings } = JSON.parse(json.stdout);
  expect(entries.map(({ key, state }: Record<string, string>) => `${key} ${state}`)).toEqual([
    '0000_shops applied',
    '0009_late skipped',
    '0001_codes applied',
    '0002_notes pending',
  ]);
  expect(
    findings.map(({ kind, id, object, entry }: Record<string, string>) => [kind, id, object, entry]),
  ).toEqual([
    ['missing', 'missing-unique-index', 'public.shops', '0001_codes'],
    ['extra', 'missing-column', 'public.shops.by_hand', undefined],
  ]);
  const text = await trueup(['adopt', folder, '--database-url', url, '--output', output]);
  expect(text.code).toBe(6);
  expect(text.stdout).toContain('  trueup baseline 20240102000000_codes ');
  // For a superuser, whom no REVOKE stops; what is offered holds.
  const offered = text.stdout.split('\n').filter((line) => /^ {2}CREATE (FUNCTION|TRIGGER)/.test(line));
  expect(offered).toHaveLength(2);
  await client.query('BEGIN');
  for (const statement of offered) await client.query(statement);
  await expect(client.query('DELETE FROM drizzle.__drizzle_migrations')).rejects.toThrow(
    'Trueup has taken over',
  );
  await client.query('ROLLBACK');
  expect(json.stdout + json.stderr + text.stdout + text.stderr).not.toContain(CANARY);

  expect(readdirSync(output).sort()).toEqual([
    '20240101000000_shops.sql',
    '20240101090640_late.sql',
    '20240102000000_codes.sql',
    '20240103000000_notes.sql',
  ]);
  const check = await trueup(['check', output]);
  expect([check.code, check.stderr + check.stdout]).toEqual([
    1,
    expect.stringContaining('a decision is open: Drizzle never ran this'),
  ]);
  const late = join(output, '20240101090640_late.sql');
  writeFileSync(late, readFileSync(late, 'utf8').replace(/^-- migrate:decide.*$/m, ''));
  expect((await trueup(['check', output])).code).toBe(0);
  // What the migrations promise and the database lacks is not marked as applied.
  const baseline = await trueup(['baseline', '20240102000000_codes', output, '--database-url', url]);
  expect([baseline.code, baseline.stderr + baseline.stdout]).toEqual([
    3,
    expect.stringContaining('20240102000000_codes was not recorded as applied'),
  ]);
  expect(existsSync(`${output}.tmp`)).toBe(false);
});
