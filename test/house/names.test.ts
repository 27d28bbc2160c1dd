/** Public names use the words of docs/glossary.md: exports and their members, commands, flags, keys in JSON, ids. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { COMMANDS } from '../../lib/cli/commands';
import { AUDIT_RULES, CHECK_RULES } from '../../lib/report/rules';
import { publicApi } from '../support/public-api';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The words of a name: `perTargetTimeout`, `at-version`, `NewFindings`. */
const splitName = (name: string): string[] =>
  name.match(/[A-Z]?[a-z\d]+|[A-Z]+(?![a-z])/g)?.map((word) => word.toLowerCase()) ?? [];

/**
 * Whether the words of a name, or of the last part of `Props.member`, contain those of a forbidden one, in this order; the
 * last one may be a plural. A forbidden flag forbids that flag only.
 */
function contains(name: string, forbidden: string): boolean {
  if (forbidden.startsWith('--')) return name === forbidden;
  const [all, wanted] = [splitName(name.replace(/.*\./, '')), splitName(forbidden)];
  return all.some((_, at) =>
    wanted.every(
      (word, i) => all[at + i] === word || (i === wanted.length - 1 && all[at + i] === `${word}s`),
    ),
  );
}

/** Commands and their flags, as the sources declare them. */
const listCommandNames = (): string[] => {
  const files = readdirSync(join(ROOT, 'lib/cli'), { recursive: true, encoding: 'utf8' });
  const flags = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...read(`lib/cli/${file}`).matchAll(/\b[oO]ption\(\s*'(?:-\w, )?(--[a-z-]+)/g)])
    .map(([, flag]) => flag!);
  return [...COMMANDS.map(({ name }) => name), ...new Set(flags)];
};

/** Public members of the exported classes, after the name of the file; {@link publicApi} has those of interfaces. */
const listClassMembers = (): string[] =>
  [...read('lib/index.ts').matchAll(/ from '\.\/(?:.+\/)?(.+)';/g)].flatMap(([from, file]) => {
    const source = read(`lib/${from.slice(9, -2)}.ts`);
    return /^export (?:abstract )?class /m.test(source)
      ? [...source.matchAll(/^ {2}(?:static |readonly |get |async )*([a-z]\w*)[!?]?[:(<]/gm)].map(
          ([, name]) => `${file}.${name}`,
        )
      : [];
  });

/** Fields of the documents that travel as JSON between functions, or to a receiver. */
const listFields = (path: string): string[] =>
  [...read(path).matchAll(/^ +readonly (\w+)\??: /gm)].map(([, name]) => name!);

/** Code in a part of a page that describes a document. */
const listDocumented = (page: string, from: string, to: string): string[] => {
  const text = read(`docs/${page}`);
  const [start, end] = [text.indexOf(from), text.indexOf(to)];
  expect(Math.min(start, end - start), `${page}: ${from} … ${to}`).toBeGreaterThan(-1);
  return [...text.slice(start, end).matchAll(/`([a-z][A-Za-z]*)`/g)].map(([, name]) => name!);
};

const names: Readonly<Record<string, readonly string[]>> = {
  export: publicApi().flatMap(({ name, members }) => [
    name,
    ...members.map((member) => `${name}.${member.name}`),
  ]),
  member: listClassMembers(),
  command: listCommandNames(),
  json: [
    ...readdirSync(join(ROOT, 'lambda/contract')).flatMap((file) => listFields(`lambda/contract/${file}`)),
    ...[
      'lambda/page/document/document.ts',
      'lib/cli/fleet/report.ts',
      'lib/report/plan-document.ts',
      'lib/workload/touched-statements.ts',
    ].flatMap(listFields),
    ...listDocumented('cli-reference.md', '| command | document |', '## Exit codes'),
    ...listDocumented('audit.md', '## JSON', '## Checks'),
    ...listDocumented('snapshot.md', '| part | what it holds |', '| list | key fields |'),
  ],
  id: [...AUDIT_RULES.keys(), ...CHECK_RULES.keys(), ...SIGNATURES.map(({ id }) => id)],
};

test.each(Object.entries(names))('there are names of the kind %s', (_, list) => {
  expect(list.length).toBeGreaterThan(10);
});

test.each([
  ['perTargetTimeout', 'perTarget', true],
  ['FleetTargets', 'target', true],
  ['FleetTargets', 'targets', true],
  ['FleetTargets.server', 'targets', false],
  ['retarget', 'target', false],
  ['--target', '--target', true],
  ['target', '--target', false],
  ['doNow', 'doNow', true],
  ['now-do', 'doNow', false],
  ['--tolerated', 'tolerated', true],
])('%s and %s', (name, forbidden, expected) => {
  expect(contains(name, forbidden)).toBe(expected);
});

test('public names have no word that the glossary forbids', async () => {
  const { parseGlossary } = await import(join(__dirname, 'lint-text.mjs'));
  const glossary: { term: string; names: string[] }[] = parseGlossary(read('docs/glossary.md'));
  const found = Object.entries(names).flatMap(([kind, list]) =>
    list.flatMap((name) =>
      glossary.flatMap(({ term, names: forbidden }) =>
        forbidden.filter((word) => contains(name, word)).map((word) => `${kind} ${name}: ${word} (${term})`),
      ),
    ),
  );
  expect([...new Set(found)].sort()).toEqual([]);
});
