/** `trueup audit --from app.db`, as a process. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database as Sqlite } from 'node-sqlite3-wasm';
import { afterAll, expect, test } from 'vitest';
import { connect, createDatabase } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const CANARY = 'c4n4ry';
let files = 0;
function sqlite(): string {
  const folder = join(scratch, String(files++));
  mkdirSync(folder);
  const file = join(folder, 'app.db');
  const db = new Sqlite(file);
  db.exec(`CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL DEFAULT 'none'); CREATE INDEX i ON customers (email);
    INSERT INTO customers (email) VALUES ('${CANARY}'), ('${CANARY}');`);
  db.close();
  return file;
}

const target = async (): Promise<string> => {
  const url = await createDatabase();
  await (await connect(url)).query(`CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);
    INSERT INTO customers VALUES (1, '${CANARY}')`);
  return url;
};

test('what was lost, of a file in either journal mode, which stays as it is', async () => {
  const url = await target();
  const file = sqlite();
  for (const mode of [1, 2]) {
    const bytes = readFileSync(file);
    bytes.writeUInt8(mode, 18);
    bytes.writeUInt8(mode, 19);
    writeFileSync(file, bytes);
    const { code, stdout, stderr } = await trueup(['audit', '--database-url', url, '--from', file, '--json']);
    expect(code, stderr).toBe(6);
    expect(stdout).not.toContain(CANARY);
    expect(
      JSON.parse(stdout).findings.map(({ id, object }: Record<string, string>) => `${id} ${object}`),
    ).toEqual([
      'missing-index public.customers',
      'missing-rows public.customers',
      'missing-default public.customers.email',
      'missing-primary-key-default public.customers.id',
    ]);
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(readdirSync(join(file, '..'))).toEqual(['app.db']);
  }
});

test.each([
  [
    'that is cut off',
    (file: string) => truncateSync(file, 4_096),
    /is cut off: it is shorter than its header says/,
  ],
  [
    'whose pages are noise, as one that is encrypted after its header',
    (file: string) => {
      const bytes = readFileSync(file);
      bytes.fill(0x5a, 100);
      writeFileSync(file, bytes);
    },
    /is damaged/,
  ],
  [
    'whose texts are in UTF-16',
    (file: string) => {
      const bytes = readFileSync(file);
      bytes.writeUInt32BE(2, 56);
      writeFileSync(file, bytes);
    },
    /stores text in UTF-16.*\n.*\.dump/,
  ],
  [
    'with a log beside it',
    (file: string) => writeFileSync(`${file}-wal`, 'x'),
    /is in use or was not closed: part of it is in \S+-wal/,
  ],
  [
    'with a journal beside it',
    (file: string) => writeFileSync(`${file}-journal`, 'x'),
    /part of it is in \S+-journal/,
  ],
  [
    'that has no table',
    (file: string) => {
      rmSync(file);
      const db = new Sqlite(file);
      db.exec('CREATE TABLE t (a); DROP TABLE t;');
      db.close();
    },
    /has no table/,
  ],
])('a file %s: one sentence, and what to do', async (_, spoil, words) => {
  const file = sqlite();
  spoil(file);
  const { code, stdout, stderr } = await trueup(['audit', '--database-url', await target(), '--from', file]);
  expect(stderr).toMatch(words);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr.trim().split('\n')).toHaveLength(2);
});
