/** `.ci/full ROOM…`: each test file belongs to a room, and docs/testing.md says which rooms a change needs. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

const ROOT = resolve(__dirname, '../..');

interface Rooms {
  readonly ROOMS: string[];
  readonly ROOMS_OF_FILE: Readonly<Record<string, string[]>>;
  findTestFiles(): string[];
  listTestFiles(rooms: string[]): { local: string[]; deployments: string[] };
}
interface Steps {
  listFullSteps(rooms: string[]): { name: string }[];
}
let rooms: Rooms;
let steps: Steps;

beforeAll(async () => {
  rooms = await import(join(ROOT, '.ci/rooms.mjs'));
  steps = await import(join(ROOT, '.ci/steps.mjs'));
});

test('each test file is in a room: by its folder, or in the table', () => {
  const { ROOMS, ROOMS_OF_FILE, findTestFiles } = rooms;
  const outside = findTestFiles().filter((file) => !ROOMS.includes(file.split('/')[0]!));
  expect(Object.keys(ROOMS_OF_FILE).sort()).toEqual(outside.sort());
  for (const room of Object.values(ROOMS_OF_FILE).flat()) expect(ROOMS).toContain(room);
});

test('all rooms together are all files', () => {
  const { ROOMS, findTestFiles, listTestFiles } = rooms;
  const { local, deployments } = listTestFiles(ROOMS);
  const filters = [...local, ...deployments];
  expect(
    findTestFiles().filter((file) => !filters.some((filter) => `test/${file}`.startsWith(filter))),
  ).toEqual([]);
});

test('a room has its folder, what repeats it, and whole deployments of its code; the site only with `docs`', () => {
  const names = (of: string[]) => steps.listFullSteps(of).map(({ name }) => name);
  expect(names(['engine', 'deploy'])).toEqual([
    'format and lint',
    'types',
    'tests of engine, deploy',
    'whole deployments',
  ]);
  expect(names(['sql'])).toEqual(['format and lint', 'types', 'tests of sql']);
  expect(names(['docs'])).toContain('documentation');
  expect(rooms.listTestFiles(['engine'])).toEqual({
    local: expect.arrayContaining(['test/engine/', 'test/middle/guard.test.ts', 'test/slow/killed.test.ts']),
    deployments: expect.arrayContaining(['test/e2e/rollback.test.ts']),
  });
});

test('docs/testing.md names each room in its table', () => {
  const page = readFileSync(join(ROOT, 'docs', 'testing.md'), 'utf8');
  const commands = [...page.matchAll(/^\|.*`\.ci\/full ([\w -]+)` \|$/gm)].map(([, rooms]) =>
    rooms!.split(' '),
  );
  expect([...new Set(commands.flat())].sort()).toEqual(rooms.ROOMS);
});

test.each([
  ['run', ['engine']],
  ['full', ['engines']],
  ['full', ['--all']],
])('.ci/%s %j is refused before anything is installed', (script, args) => {
  const { status, stdout, stderr } = spawnSync(join(ROOT, '.ci', script), args, { encoding: 'utf8' });
  expect(stderr).toMatch(new RegExp(`^Unknown: ${args[0]}\\n\\nUsage: \\.ci/${script}`));
  expect([status, stdout]).toEqual([2, '']);
});
