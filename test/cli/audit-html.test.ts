/** `trueup audit --html` against real servers, as a process. */
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const folder = (): string => mkdtempSync(join(scratch, 'f-'));

const CANARY = 'c4n4ry';
const ROWS = `INSERT INTO customers VALUES (1, '${CANARY}'), (2, '${CANARY}');`;
const SHOP = `CREATE TABLE customers (id bigserial PRIMARY KEY, email text NOT NULL); ${ROWS}
  CREATE INDEX by_email ON customers (email);`;
const AFTER = `CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL); ${ROWS}`;

async function database(major: number, schema: string): Promise<string> {
  const url = await createDatabase(major);
  await (await connect(url)).query(schema);
  return url;
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('the page stands beside what is printed, and takes the place of an older one', async () => {
    const [source, target] = [await database(major, SHOP), await database(major, AFTER)];
    const within = folder();
    const file = join(within, 'report.html');
    writeFileSync(file, 'older');
    const args = ['audit', '--database-url', target, '--from', source, '--html', file];
    const ran = await trueup([...args, '--json']);
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining(`The page is in ${file}.`) });
    expect(JSON.parse(ran.stdout).findings).toHaveLength(2);
    expect(Object.keys(JSON.parse(ran.stdout))).not.toContain('compared');
    const page = readFileSync(file, 'utf8');
    expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(page).toContain('2 objects of the source are missing.');
    expect(page).toContain('CREATE INDEX by_email ON public.customers USING btree (email)');
    expect(page).toContain(new URL(source).pathname.slice(1));
    expect(page).not.toContain(CANARY);
    expect(page).not.toContain('postgres://');
    expect(readdirSync(within)).toEqual(['report.html']);

    expect(page).toContain('CREATE INDEX CONCURRENTLY by_email');
    expect(page).not.toContain('DROP INDEX');
    const fixes = join(folder(), 'fixes');
    expect((await trueup([...args, '--write', fixes, '--min-confidence', 'D'])).code).toBe(6);
    expect(readFileSync(file, 'utf8')).toMatch(/Repaired by \S+fixes\/\d+_indexes_of_customers\.sql/);

    const link = join(within, 'link.html');
    symlinkSync(file, link);
    writeFileSync(file, 'older');
    expect((await trueup([...args.slice(0, -1), link])).code).toBe(6);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, 'utf8')).toContain('<!doctype html>');
  });
});

test('an audit that fails leaves an older page as it was', async () => {
  const file = join(folder(), 'report.html');
  writeFileSync(file, 'older');
  const ran = await trueup(['audit', '--database-url', 'postgres://app@127.0.0.1:1/shop', '--html', file]);
  expect(ran.code).toBe(5);
  expect(readFileSync(file, 'utf8')).toBe('older');
});

describe('used wrongly: said before the database is asked', () => {
  const refuses = async (file: string, words: RegExp): Promise<void> => {
    const ran = await trueup(['audit', '--database-url', 'postgres://app@127.0.0.1:1/shop', '--html', file]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(words);
  };
  test('a folder that is not there', () =>
    refuses(
      join(scratch, 'none', 'a.html'),
      /a\.html cannot be written \(ENOENT\)\n {2}Give a file in an existing, writable folder/,
    ));
  test('a folder in place of a file', async () => {
    const within = join(folder(), 'a.html');
    mkdirSync(within);
    await refuses(within, /a\.html cannot be written \(EISDIR\)/);
  });
  test.skipIf(process.platform === 'win32')('what is no file, and stays what it is', async () => {
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    await refuses(pipe, /pipe cannot be written \(it is not a regular file\)/);
    expect(statSync(pipe).isFIFO()).toBe(true);
  });
  test('standard output', () => refuses('-', /--html needs the name of a file/));
});
