/** A folder of another migration tool is refused in one sentence that names it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CompileError, compileFolder } from '../../../lib/compiler';
import { file } from '../support';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-tools-'));
afterAll(() => rmSync(scratch, { recursive: true }));
let folders = 0;

async function problemsOf(files: Readonly<Record<string, string>>, name = 'migrations'): Promise<string[]> {
  const folder = join(scratch, String(++folders), name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  try {
    await compileFolder(folder);
    return [];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.problems.map(({ message }) => message);
  }
}

const SQL = 'CREATE TABLE a ();';

test.each<[tool: string, files: Record<string, string>, folder?: string]>([
  ['Prisma', { 'migration_lock.toml': '', '20240101120000_init/migration.sql': SQL }],
  ['Prisma', { '20240101120000_init/migration.sql': SQL }],
  ['Drizzle', { '0000_odd_words.sql': `${SQL}--> statement-breakpoint\n`, 'meta/_journal.json': '{}' }],
  ['Drizzle', { '20240101120000_a/migration.sql': SQL, '20240101120000_a/snapshot.json': '{}' }],
  ['Supabase', { '20240101120000_init.sql': SQL, '20240102120000_more.sql': SQL }, 'supabase/migrations'],
  ['Flyway', { 'V00001__initial.sql': SQL, 'V1.2__more.sql': SQL, 'R__view.sql': SQL }],
  ['golang-migrate', { '000001_a.up.sql': SQL, '000001_a.down.sql': SQL }],
  ['node-pg-migrate', { '1700000000000_a.js': '' }],
  ['node-pg-migrate', { '1700000000000_a.sql': `-- Up Migration\n${SQL}\n-- Down Migration\n` }],
  ['TypeORM', { '1700000000000-Init.ts': '' }],
  ['Knex', { '20240101120000_a.js': '' }],
  ['Sequelize', { '20240101120000-a.js': '' }],
])('%s', async (tool, files, folder) => {
  expect(await problemsOf(files, folder)).toEqual([
    `these are ${tool}'s migrations, which Trueup does not run`,
  ]);
});

test('a folder of ours is ours, whatever it is called and what lies beside it', async () => {
  expect(await problemsOf({ '0001_a.sql': file('SELECT 1') }, 'supabase/migrations')).toEqual([]);
  expect(await problemsOf({ '0001_a.up.sql': file('SELECT 1'), '20240101120000_a.js': '' })).toEqual([]);
  expect(await problemsOf({ '0001_a.sql': SQL, 'readme.md': '' })).toEqual(['the file has no section']);
  expect(await problemsOf({ 'index.ts': '' })).toEqual(['the folder holds no migration']);
});
