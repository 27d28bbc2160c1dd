/** Names of files and of what they declare: one word for one thing, so that a name leads to its file. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Node, parseSync } from 'oxc-parser';
import { expect, test } from 'vitest';

const ROOT = join(__dirname, '../..');
const FILES = execFileSync('git', ['ls-files', '--', 'lib/*.ts', 'lambda/*.ts', 'bin/*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n');

/** AWS Lambda calls it by this name in each function, and each folder of a function has its index. */
const REQUIRED = ['handler', 'index.ts'];

/** A room is a folder directly below `lib` or `lambda`; `bin` is one too. */
const findRoom = (file: string): string => /^(lib|lambda)\/[^/]+(?=\/)|^[^/]+/.exec(file)![0];

interface Declared {
  readonly name: string;
  readonly isFunction: boolean;
}

const isFunctionNode = (node: Node | null | undefined): boolean =>
  node?.type === 'TSTypeAnnotation'
    ? node.typeAnnotation.type === 'TSFunctionType'
    : node?.type === 'ArrowFunctionExpression' || node?.type === 'FunctionExpression';

/** Declared names of functions, methods, variables and parameters, wherever they are, and the exported names. */
function readNames(text: string): { declared: Declared[]; exported: string[] } {
  const { program, module } = parseSync('names.ts', text);
  const declared: Declared[] = [];
  const note = (id: Node | null | undefined, isFunction: boolean): void => {
    if (id?.type === 'Identifier') declared.push({ name: id.name, isFunction });
  };
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      value.forEach(visit);
      return;
    }
    const node = value as Node;
    if (node.type === 'FunctionDeclaration') note(node.id, true);
    if (node.type === 'MethodDefinition' || node.type === 'TSMethodSignature') note(node.key, true);
    if (node.type === 'Property') note(node.key, isFunctionNode(node.value));
    if (node.type === 'TSPropertySignature') note(node.key, isFunctionNode(node.typeAnnotation));
    if (node.type === 'VariableDeclarator')
      note(
        node.id,
        isFunctionNode(node.init) ||
          (node.id.type === 'Identifier' && isFunctionNode(node.id.typeAnnotation)),
      );
    if ('params' in node && Array.isArray(node.params))
      for (const each of node.params)
        if (each.type === 'Identifier') note(each, isFunctionNode(each.typeAnnotation));
    Object.values(node).forEach(visit);
  };
  visit(program);
  return {
    declared,
    exported: module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, exportName }) =>
        moduleRequest === null && exportName.name ? [exportName.name] : [],
      ),
    ),
  };
}

const names = FILES.map((file) => ({ file, ...readNames(readFileSync(join(ROOT, file), 'utf8')) }));

/** Names that more than two rooms have, with their files. */
function listShared(pairs: readonly (readonly [name: string, file: string])[]): string[] {
  const files = new Map<string, Set<string>>();
  for (const [name, file] of pairs) files.set(name, (files.get(name) ?? new Set()).add(file));
  return [...files]
    .filter(([name, all]) => !REQUIRED.includes(name) && new Set([...all].map(findRoom)).size > 2)
    .map(([name, all]) => `${name}: ${[...all].join(', ')}`);
}

/** Participles and adverbs that were names of types, functions and files. */
const NO_NOUN =
  /^([A-Z]?[a-z]*[^e]ed|(again|anew|begun|behind|elsewhere|given|gone|here|kept|known|left|lost|made|over|said|seen|taken|there|told))$/;

/** Reasons why a name is not a good one. */
const findFault = ({ name, isFunction }: Declared): string | null => {
  if (isFunction && /[a-z](Of|In)$/.test(name) && !/^(last)?indexOf$/i.test(name)) return 'begin with a verb';
  if (/^(MOST|LONGEST|LEAST)_/.test(name)) return 'write MAX_ or MIN_';
  if (/crew|seat|errand|bringing|\bsights?\b/i.test(name)) return 'a metaphor';
  if (/catalogue|behaviour|neighbour|colour|judgement|serialise|normalise/i.test(name))
    return 'American spelling';
  return null;
};

test('a file name leads to at most two rooms', () => {
  expect(FILES.length).toBeGreaterThan(500);
  expect(listShared(FILES.map((file) => [basename(file), file]))).toEqual([]);
});

test('an exported name leads to at most two rooms', () => {
  const exported = names.flatMap(({ file, exported: all }) => all.map((name) => [name, file] as const));
  expect(exported.length).toBeGreaterThan(1000);
  expect(listShared(exported)).toEqual([]);
});

test('exported names and file names are no bare participles or adverbs', () => {
  const all = names.flatMap(({ file, exported }) => [basename(file, '.ts'), ...exported]);
  expect(all.filter((name) => NO_NOUN.test(name))).toEqual([]);
});

test('`@throws` names an error that exists', () => {
  const exported = new Set([
    ...names.flatMap(({ exported: all }) => all),
    ...FILES.flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^class (\w+)/gm)].map(([, name]) => name!),
    ),
  ]);
  const unknown = FILES.flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/@throws \{(\w+)\}/g)]
      .filter(([, name]) => !exported.has(name!) && !(name! in globalThis))
      .map(([, name]) => `${file}: ${name}`),
  );
  expect(unknown).toEqual([]);
});

test('names are verbs for functions, MAX_ for limits, American, and no metaphors', () => {
  const faults = names.flatMap(({ file, declared }) =>
    declared.flatMap((each) => {
      const fault = findFault(each);
      return fault === null ? [] : [`${file} ${each.name}: ${fault}`];
    }),
  );
  expect([...new Set(faults)]).toEqual([]);
});

test.each([
  ['function keysOf() {}', 'begin with a verb'],
  ['const namesIn = () => [];', 'begin with a verb'],
  ['const f = (keyOf: (each: string) => string) => keyOf;', 'begin with a verb'],
  ['const partitionOf = new Map();', null],
  ['const MOST_ROWS = 1;', 'write MAX_ or MIN_'],
  ['const f = (seat: string) => seat;', 'a metaphor'],
  ['interface A { catalogue: string }', 'American spelling'],
  ['const colors = [];', null],
])('%s', (text, expected) => {
  expect(readNames(text).declared.flatMap((each) => findFault(each) ?? [])).toEqual(
    expected ? [expected] : [],
  );
});
