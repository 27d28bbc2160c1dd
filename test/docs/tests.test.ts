/** The tests mirror the source: a file's test, and that of what several files do together, lie in the same room. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(__dirname, '../..');

/** What belongs to no room: the live check, whole deployments, the shipped repairs, the pages, and what tests are made of. */
const ELSEWHERE =
  /^(aws|deployment|docs|e2e|house|incidents|middle|mutation|slow|stage|support|campaign|data|majors)(\/|$)|^$/;

const folders = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
  .map((name) => dirname(name).replace(/^\.$/, ''));

test.each([...new Set(folders)].filter((folder) => !ELSEWHERE.test(folder)))('test/%s', (folder) => {
  const rooms = [`lambda/${folder}`, `lib/${folder}`, folder, `.${folder}`].map((path) => join(ROOT, path));
  expect(rooms.some((room) => existsSync(room))).toBe(true);
});
