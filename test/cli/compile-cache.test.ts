/** A compiled folder is kept for the next command, and nothing else than that folder's own manifest is ever used. */
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createDatabase } from '../support/database';
import { trueup } from './trueup';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-cache-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let home: string;
let folder: string;
let url: string;
beforeEach(async () => {
  home = mkdtempSync(join(scratch, 'home-'));
  folder = join(home, 'courses');
  cpSync('migrations/courses', folder, { recursive: true });
  url = await createDatabase();
});

const cached = (): string[] => {
  try {
    return readdirSync(join(home, 'trueup')).map((name) => join(home, 'trueup', name));
  } catch {
    return [];
  }
};

/** The parser out of reach: whoever asks for it fails. */
async function status(withoutParser: boolean, env: NodeJS.ProcessEnv = {}) {
  const preload = join(home, 'no-parser.cjs');
  writeFileSync(
    preload,
    `const { Module } = require('node:module');
     const load = Module._load;
     Module._load = (name, ...rest) => {
       if (name === 'libpg-query') throw new Error('the parser was loaded');
       return load(name, ...rest);
     };`,
  );
  return trueup(['status', '--json', folder, '--database-url', url], {
    // What is kept belongs to one build of the program.
    ownProcess: true,
    env: {
      XDG_CACHE_HOME: home,
      ...(withoutParser ? { NODE_OPTIONS: `--require ${preload}` } : {}),
      ...env,
    },
  });
}

test('the second command does without the parser, and says the same', async () => {
  const first = await status(false);
  expect(first.code).toBe(0);
  expect(cached()).toHaveLength(1);
  expect(await status(true)).toEqual(first);
});

test('a file that is edited while it is compiled leaves nothing behind', async () => {
  const file = join(folder, '0002_one_active_purchase.sql');
  const preload = join(home, 'edit.cjs');
  writeFileSync(
    preload,
    `const { Module } = require('node:module');
     const { appendFileSync } = require('node:fs');
     const load = Module._load;
     let edited = false;
     Module._load = (name, ...rest) => {
       if (name === 'libpg-query' && !edited) appendFileSync(${JSON.stringify(file)}, '\\n-- edited\\n');
       if (name === 'libpg-query') edited = true;
       return load(name, ...rest);
     };`,
  );
  expect(await status(false, { NODE_OPTIONS: `--require ${preload}` })).toMatchObject({ code: 0 });
  expect(readFileSync(file, 'utf8')).toContain('-- edited');
  expect(cached()).toEqual([]);
});

test('an edited file is compiled again', async () => {
  await status(false);
  const file = join(folder, '0002_one_active_purchase.sql');
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n-- edited\n`);
  expect((await status(true)).stdout).toContain('the parser was loaded');
});

test('CI compiles every time, and keeps nothing', async () => {
  expect((await status(false, { CI: 'true' })).code).toBe(0);
  expect(cached()).toEqual([]);
});

test.each([
  ['is cut off', (file: string) => writeFileSync(file, readFileSync(file, 'utf8').slice(0, 500))],
  [
    'is not what its hash says',
    (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('"up":"', '"up":"0')),
  ],
  ['others may write to', (file: string) => chmodSync(file, 0o666)],
])('a kept manifest that %s is not used', async (_what, spoil) => {
  const first = await status(false);
  const [file] = cached();
  spoil(file!);
  expect((await status(true)).stdout).toContain('the parser was loaded');
  expect(await status(false)).toEqual(first);
});

test('a home that cannot be written to does no harm', async () => {
  writeFileSync(join(home, 'trueup'), 'a file in its place');
  expect((await status(false)).code).toBe(0);
});
