/** The main job as a newcomer starts it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { cleanEnvironment, type Ran, start } from '../cli/trueup';
import { connect, createDatabase } from '../support/database';

const ROOT = join(__dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
// The server may run as another user, who has to get to its files.
chmodSync(scratch, 0o755);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A folder for temporary files that nobody else writes to: what is left there was left by us. */
function ownTemporary(name: string): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  return folder;
}

/** What would lead it astray, if it looked. */
const ELSEWHERE = {
  DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/production',
  PGHOST: '192.0.2.1',
  PGUSER: 'nobody',
  PGDATABASE: 'production',
  PGSSLMODE: 'require',
  PGOPTIONS: '-c search_path=nowhere',
};

const startHere = (file: string, args: readonly string[], temporary: string) =>
  start(file, args, { cwd: ROOT, env: cleanEnvironment({ ...ELSEWHERE, TMPDIR: temporary }) });

const npmStart = (args: readonly string[], temporary: string): Promise<Ran> =>
  startHere('npm', ['start', '--silent', '--', ...args], temporary).ended;

/** Processes whose command line names the folder. */
const processesOf = (folder: string): string[] =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(folder) && !line.includes('ps -eo'));

/** Without what differs from run to run. */
const masked = (text: string): string =>
  text.replace(/\d+(\.\d+)? m?s\b/g, '… ms').replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '…');

test('twice at once, as text and as JSON, with nothing left behind', async () => {
  const temporary = ownTemporary('twice');
  const [text, json] = await Promise.all([npmStart([], temporary), npmStart(['--json'], temporary)]);
  expect([text!.stderr, text!.code]).toEqual(['', 0]);
  expect([json!.stderr, json!.code]).toEqual(['', 0]);

  const { stdout } = text!;
  const told = readFileSync(join(ROOT, 'README.md'), 'utf8').split('What `npm start` prints, shortened:')[1];
  const shown = masked(told!.match(/```\n([\s\S]*?)```/)![1]!).split('\n');
  expect(shown.length).toBeGreaterThan(20);
  expect(shown.filter((line) => !masked(stdout).split('\n').includes(line))).toEqual([]);
  for (const words of [
    /^Runs on a scratch server with PostgreSQL \d+, /,
    /ERROR 23502: null value in column "id" of relation "lead_purchases" violates not-null constraint/,
    /ERROR 42P10: there is no unique or exclusion constraint matching the ON CONFLICT specification/,
    /stopped {2}courses before 0002_one_active_purchase: preflight found/,
    /applied {2}appointments: 0001_as_found, [\w, \n]*; 7 of 7 verified in/,
    /works {4}appointments: the assistant books an appointment/,
    /drifted {2}0002_id_default\n/,
    /unchanged: catalog and rows of marketplace are the same as before/,
    /as it was: undone 0003_by_time; the catalog is the same as before/,
    /found {4}12 findings \(1 A, 11 B\): 2 missing-default, /,
    /applied {2}all 7; a second audit finds nothing/,
    /\nIn .* (s|min):\n( {2}- .*\n){8}/,
  ]) {
    expect(stdout).toMatch(words);
  }
  expect(stdout).not.toContain('\u001b');
  // A newcomer reads it to the end.
  expect(stdout.split('\n').length).toBeLessThan(150);

  const { acts } = JSON.parse(json!.stdout) as { acts: Record<string, unknown>[] };
  expect(acts).toHaveLength(9);
  expect(Object.assign({}, ...acts)).toMatchObject({
    errors: expect.arrayContaining([expect.objectContaining({ sqlstate: '42P10' })]),
    counted: expect.arrayContaining([expect.objectContaining({ signature: 'not-null', count: 6 })]),
    deployed: expect.arrayContaining([expect.objectContaining({ database: 'messaging' })]),
    findings: [{ migration: '0002_id_default', sentence: expect.any(String) }],
    unchanged: true,
    guarded: expect.objectContaining({ code: 'workload', sqlstate: '23502' }),
    lost: expect.arrayContaining(['missing-unique-index public.orders', 'missing-view public.spent']),
    undone: '0003_by_time',
    kept: expect.stringMatching(/^0003_by_time /),
  });

  expect(processesOf(temporary)).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
});

test('stopped with Ctrl-C, it leaves nothing behind either', async () => {
  const temporary = ownTemporary('stopped');
  // Without npm, so that the program gets the signal.
  const program = ['--require', './bin/sources.cjs', 'demo/main.ts'];
  const { child, output, ended } = startHere(process.execPath, program, temporary);
  while (!output.stdout.includes('\n3. ')) await sleep(20);
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 130, stderr: '' });
  for (let i = 0; i < 100 && processesOf(temporary).length > 0; i++) await sleep(50);
  expect(processesOf(temporary)).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
});

test('with a database and a folder it brings the one to the other', async () => {
  const url = await createDatabase();
  const args = ['start', '--silent', '--', 'migrations/courses', '--database-url', url];
  const { code, stdout } = await start('npm', args, { cwd: ROOT, env: cleanEnvironment() }).ended;
  expect(stdout).toMatch(
    /^courses on .*: 3 migrations applied and verified; at 0002_one_active_purchase\.\n$/,
  );
  expect(code).toBe(0);
  const { rows } = await (await connect(url)).query(
    'SELECT count(*)::int AS n FROM student_course_purchases',
  );
  expect(rows).toEqual([{ n: 0 }]);
});
