/** The table of rooms in docs/architecture.md says what is imported, no more and no less. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(__dirname, '../..');

const rooms = new Map(
  [
    ...readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8').matchAll(
      /^\| `([\w/-]+)` \|.*\| (.*?) ?\|$/gm,
    ),
  ].map(([, room, imports]) => [room!, [...imports!.matchAll(/`([\w/-]+)`/g)].map(([, name]) => name!)]),
);

/** The innermost room that a file lies in. */
function roomOf(file: string): string {
  for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) {
    if (rooms.has(folder)) return folder;
  }
  throw new Error(`${file} lies in no room of docs/architecture.md`);
}

const files = ['bin', 'lib', 'lambda'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);

const ANY = /(?:\bfrom |\bimport\(|\brequire\()'(\.[^']*)'/g;
/** Without what is loaded only when it is asked for. */
const AT_ONCE = /\bfrom '(\.[^']*)'/g;

function importsOf(file: string, pattern = ANY): string[] {
  const specifiers = readFileSync(join(ROOT, file), 'utf8').matchAll(pattern);
  return [...specifiers].map(([, specifier]) => {
    const path = normalize(join(dirname(file), specifier!)).replace(/\.js$/, '');
    return existsSync(join(ROOT, `${path}.ts`)) ? `${path}.ts` : join(path, 'index.ts');
  });
}

const arrows = new Map<string, Set<string>>([...rooms.keys()].map((room) => [room, new Set()]));
for (const file of files) {
  const own = roomOf(file);
  for (const imported of importsOf(file)) {
    if (!/^(bin|lib|lambda)\//.test(imported)) throw new Error(`${file} imports ${imported}`);
    const room = roomOf(imported);
    if (room !== own) arrows.get(own)!.add(room);
  }
}

describe('the rooms of docs/architecture.md', () => {
  test.each([...rooms])('%s imports what the table says', (room, declared) => {
    expect([...arrows.get(room)!].sort()).toEqual([...declared].sort());
  });

  test('lambda imports nothing from lib', () => {
    const upward = [...arrows].flatMap(([room, to]) =>
      room.startsWith('lambda') ? [...to].filter((name) => !name.startsWith('lambda')) : [],
    );
    expect(upward).toEqual([]);
  });

  test('no files import each other in a circle, not even types', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (path.includes(file) || done.has(file)) return;
      for (const imported of importsOf(file, AT_ONCE))
        if (files.includes(imported)) walk(imported, [...path, file]);
      done.add(file);
    };
    for (const file of files) walk(file, []);
    expect(circles).toEqual([]);
  });
});
