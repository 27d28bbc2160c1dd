/** `trueup audit --write` used wrongly, and with nothing to write; test/slow/audit-write.test.ts has the rest. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { connect, createDatabase, newestMajor } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const place = (name: string): string => join(mkdtempSync(join(scratch, 'f-')), name);

const database = async (major: number, schema: string): Promise<string> => {
  const url = await createDatabase(major);
  await (await connect(url)).query(schema);
  return url;
};

const CANARY = 'c4n4ry';

test('nothing that a migration mends: no folder, and why', async () => {
  const rows = `CREATE TABLE codes (code text PRIMARY KEY); INSERT INTO codes VALUES ('${CANARY}'); ANALYZE codes;`;
  const source = await database(newestMajor(), rows);
  const target = await database(newestMajor(), `${rows} TRUNCATE codes;`);
  const folder = place('none');
  const { code, stdout } = await trueup([
    'audit',
    '--database-url',
    target,
    '--from',
    source,
    '--write',
    folder,
  ]);
  expect(code).toBe(6);
  expect(stdout).toMatch(
    /no file {6}missing-rows public\.codes: SQL cannot restore the rows: copy the table again/,
  );
  expect(stdout).toMatch(/written {6}nothing/);
  expect(() => readdirSync(folder)).toThrow('ENOENT');
});

describe('a folder that cannot be written', () => {
  const refused = async (folder: string, words: RegExp): Promise<void> => {
    const ran = await trueup([
      'audit',
      '--database-url',
      'postgres://app@127.0.0.1:1/shop',
      '--write',
      folder,
    ]);
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(words) });
  };
  test('before the database is asked', async () => {
    const filled = place('filled');
    mkdirSync(filled);
    writeFileSync(join(filled, 'mine'), 'x');
    await refused(filled, /is not empty, and existing files are not replaced/);
    await refused(join(filled, 'mine'), /is not a folder/);
  });
});
