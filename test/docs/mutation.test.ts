/** What mutation testing names is there, so that a file that moves does not end it unseen. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(__dirname, '../..');
const load = (name: string) => import(join(ROOT, 'test/mutation', name));

test('the rooms name files and tests that are there', async () => {
  const { ROOMS } = await load('rooms.mjs');
  for (const { mutate, tests } of Object.values<{ mutate: string[]; tests: string[] }>(ROOMS)) {
    for (const path of tests) expect(existsSync(join(ROOT, path)), path).toBe(true);
    for (const path of mutate.flatMap(alternatives)) expect(isThere(path), path).toBe(true);
  }
});

test('what a known mutation changes stands once in its file, and its tests are there', async () => {
  const { KNOWN } = await load('known.mjs');
  for (const { file, old, tests } of KNOWN as { file: string; old: string; tests: string }[]) {
    expect(readFileSync(join(ROOT, file), 'utf8').split(old), `${file}: ${old}`).toHaveLength(2);
    for (const name of tests.split(' '))
      expect(existsSync(join(ROOT, `test/${name}.test.ts`)), name).toBe(true);
  }
});

/** Each of `{a,b}` by itself. */
function alternatives(pattern: string): string[] {
  const [, before, list, after] = pattern.match(/^(.*)\{(.*)\}(.*)$/) ?? [];
  return list === undefined ? [pattern] : list.split(',').map((each) => `${before}${each}${after}`);
}

/** Of a pattern with stars: the folder that they begin in. */
const isThere = (path: string): boolean => {
  const [folder] = path.split(/\/\*/);
  return folder === path ? existsSync(join(ROOT, path)) : readdirSync(join(ROOT, folder!)).length > 0;
};
