import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeManifest } from '../../lambda/engine/manifest';
import { connectPg } from '../../lambda/postgres/pg';
import { askDatabase, explain, renderExplanation } from '../../lib/cli/explain';
import { connect, createDatabase, majors } from '../support/database';
import { cleanEnvironment, command, trueup } from './trueup';

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
const line = (text: string, database = 'shop'): string =>
  `2026-11-21 09:01:22 UTC:10.0.1.7(53124):app@${database}:[4711]:${text}`;
const NOT_NULL = 'ERROR:  null value in column "id" of relation "t" violates not-null constraint';

describe('trueup explain', () => {
  it('reads a file of a real server', async () => {
    const lines = readFileSync(
      join(__dirname, '../data/postgres-logs/pg17-default-stderr.log'),
      'utf8',
    ).split('\n');
    const explanation = await explain(each(lines), null);
    expect(explanation.findings.map(({ group }) => group.signature).sort()).toEqual([
      'key-types',
      'key-types',
      'key-types',
      'not-null',
      'on-conflict',
      'uuid-function',
    ]);
    const text = renderExplanation(explanation);
    expect(text).toMatch(/customers\.email/);
    expect(text).toMatch(/No database was given/);
    expect(text).not.toMatch(/jane|48 600/);
  });

  it.each([
    ['as `aws logs tail` writes them', '2026-11-21T09:01:22.000000+00:00 shop.0 '],
    ['in its short form', '2026-11-21T09:01:22 '],
  ])('reads lines %s', async (_name, outer) => {
    const { findings } = await explain(
      each([outer + line(NOT_NULL), outer + line("STATEMENT:  INSERT INTO t (x) VALUES ('CANARY')")]),
      null,
    );
    expect(findings).toMatchObject([{ group: { table: 't', statement: 'INSERT INTO t (x) VALUES (?)' } }]);
  });

  it('says when there is nothing to explain', async () => {
    expect(renderExplanation(await explain(each([line('LOG:  checkpoint complete')]), null))).toMatch(
      /None of the 1 log lines/,
    );
    expect(renderExplanation(await explain(each(['something else']), null))).toMatch(
      /has the form that RDS writes/,
    );
  });

  it.each(majors())('asks PostgreSQL %i', async (major) => {
    const url = await createDatabase(major);
    await (await connect(url)).query('CREATE TABLE t (id uuid PRIMARY KEY, x text)');
    const database = new URL(url).pathname.slice(1);
    const open = () => connectPg({ url, readOnly: true });
    const lines = [line(NOT_NULL, database), line(NOT_NULL, 'another')];
    const without = await explain(each(lines), askDatabase(open, null));
    expect(without.findings.map(({ diagnosis }) => [diagnosis.kind, diagnosis.migrations])).toEqual([
      ['missing-id-default', null],
      [null, null],
    ]);
    const ask = askDatabase(open, { manifest: makeManifest([]), namespace: 'shop' });
    const text = renderExplanation(await explain(each(lines), ask));
    expect(text).toMatch(/ALTER TABLE public\.t ALTER COLUMN id SET DEFAULT/);
    expect(text).toMatch(/No migration of the deployed code is about this/);
    expect(text).toMatch(/from the database another/);
  });
});

describe('the command', () => {
  const FILE = join(__dirname, '../data/postgres-logs/pg17-default-stderr.log');

  it('reads a file, and says what it would need to say more', async () => {
    const { code, stdout, stderr } = await trueup(['explain', FILE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/customers\.email/);
    expect(stdout).not.toMatch(/jane|48 600/);
  });

  it('says that a folder is of no use without a database, and reads a pipe', async () => {
    const folder = join(__dirname, '../../migrations/marketplace');
    const { code, stdout } = await trueup(['explain', FILE, '--migrations', folder]);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /Not seen .*No database was given.*The migrations in \S+marketplace were not looked through/,
    );
    const line = `mkfifo "$1/pipe" && { cat "$2" > "$1/pipe" & exec node "$3" explain "$1/pipe"; }`;
    const home = mkdtempSync(join(tmpdir(), 'trueup-explain-'));
    const piped = execFileSync('/bin/sh', ['-c', line, 'sh', home, FILE, ...command()], {
      env: cleanEnvironment(),
      encoding: 'utf8',
    });
    rmSync(home, { recursive: true });
    expect(piped).toMatch(/customers\.email/);
  });

  it('asks a database, and a folder which migration repairs it', async () => {
    const url = await createDatabase();
    const database = new URL(url).pathname.slice(1);
    await (await connect(url)).query('CREATE TABLE lead_purchases (id uuid PRIMARY KEY, x int)');
    const folder = mkdtempSync(join(tmpdir(), 'trueup-explain-'));
    const file = join(folder, 'some.log');
    writeFileSync(file, `${line(NOT_NULL.replace('"t"', '"lead_purchases"'), database)}\n`);
    const migrations = join(__dirname, '../../migrations/marketplace');
    const { code, stdout } = await trueup([
      'explain',
      file,
      '--database-url',
      url,
      '--migrations',
      migrations,
      '--json',
    ]);
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      lines: 1,
      findings: [
        {
          group: { table: 'lead_purchases', column: 'id' },
          diagnosis: {
            kind: 'missing-id-default',
            migrations: [{ name: '0002_id_default', state: 'pending' }],
          },
        },
      ],
    });
  });

  it.each([
    [['explain', 'no-such.log'], 2, /there is no file no-such\.log/],
    [['explain', join(__dirname, 'explain.test.ts')], 1, /has the form that RDS writes/],
    [['explain', FILE, '--stack', 's', '--database-url', 'postgres://u@h/d'], 2, /exclude each other/],
    [['alarm-test', '--stack', 's', '--database-url', 'postgres://u@h/d'], 2, /exclude each other/],
    [['alarm-test'], 2, /there is no database to connect to/],
  ])('%j answers %i', async (args, expected, words) => {
    const { code, stdout, stderr } = await trueup(args as string[]);
    expect(code).toBe(expected);
    expect(stdout + stderr).toMatch(words as RegExp);
  });

  it('alarm-test raises the errors', async () => {
    const { code, stdout } = await trueup(['alarm-test', '--database-url', await createDatabase()]);
    expect(code).toBe(0);
    expect(stdout.match(/^raised/gm)).toHaveLength(4);
  });
});
