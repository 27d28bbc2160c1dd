/** docs/errors*.md, docs/refused-*.md and docs/rules-*.md are complete: every message and remedy of engine and compiler stands there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(__dirname, '../..');
const flat = (text: string): string => text.replace(/\s+/g, ' ');
const docs = flat(
  readdirSync(join(root, 'docs'))
    .filter((name) => /^(errors|refused|rules|migrations|statements|other-tools).*\.md$/.test(name))
    .map((name) => readFileSync(join(root, 'docs', name), 'utf8'))
    .join('\n'),
);

const KINDS_OF_EFFECTS = new Set(['set not null', 'drop not null']);

/** The longest fixed part of each string of three words or more that is not SQL. */
function sentences(source: string): string[] {
  const code = source.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '').replace(/\s\/\/ .*$/gm, '');
  const strings = code.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g);
  return [...strings]
    .map(([, single, double, template]) => (single ?? double ?? template)!.replace(/\\(['"`])/g, '$1'))
    .map((text) =>
      flat(text)
        .split(/\$\{[^}]*\}+/)
        .sort((a, b) => b.length - a.length)[0]!
        .replace(/^[)}`\s]+/, '')
        .trim(),
    )
    .filter(
      (text) =>
        /[a-z,]+ [a-z]+ [a-z]+/.test(text) &&
        !KINDS_OF_EFFECTS.has(text) &&
        !/\b(SELECT|INSERT|CREATE TABLE|UPDATE|FROM)\b|=>|\[\^/.test(text),
    );
}

const files = ['lambda/engine', 'lib/compiler'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('sql/'))
    .map((name) => `${folder}/${name}`),
);

/** Lists of names, kinds of effects, progress, and what only a broken installation says. */
const NO_MESSAGE = [
  'lambda/engine/activity.ts',
  'lib/compiler/model/builtins.ts',
  'lib/compiler/effects/',
  'lib/compiler/child.ts',
];

const isMessage = (file: string) => !NO_MESSAGE.some((other) => file.startsWith(other));

test.each(files.filter(isMessage))('%s', (file) => {
  const missing = sentences(readFileSync(join(root, file), 'utf8')).filter((text) => !docs.includes(text));
  expect(missing).toEqual([]);
});

test('sentences are found', () => {
  const of = (file: string) => sentences(readFileSync(join(root, file), 'utf8'));
  expect(of('lambda/engine/plan/plan.ts')).toContain('was edited after it was applied');
  expect(of('lambda/engine/apply/failures.ts').length).toBeGreaterThan(20);
  expect(files.flatMap(of).length).toBeGreaterThan(200);
});
