/** docs/errors.md is complete: every message and remedy in the engine's code stands there, or in docs/migrations.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(__dirname, '../..');
const flat = (text: string): string => text.replace(/\s+/g, ' ');
const docs = flat(
  ['errors.md', 'migrations.md'].map((name) => readFileSync(join(root, 'docs', name), 'utf8')).join('\n'),
);

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
        !/\b(SELECT|INSERT|CREATE TABLE|UPDATE|FROM)\b|=>|\[\^/.test(text),
    );
}

const files = ['lambda/engine', 'lib/compiler'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);

/** Lists of names, progress, and what only a broken installation says. */
const NO_MESSAGE = ['lib/compiler/builtins.ts', 'lib/compiler/sync.ts'];

test.each(files.filter((file) => !NO_MESSAGE.includes(file)))('%s', (file) => {
  const missing = sentences(readFileSync(join(root, file), 'utf8')).filter((text) => !docs.includes(text));
  expect(missing).toEqual([]);
});

test('sentences are found', () => {
  const of = (file: string) => sentences(readFileSync(join(root, file), 'utf8'));
  expect(of('lambda/engine/plan.ts')).toContain('was edited after it had been applied');
  expect(of('lambda/engine/failures.ts').length).toBeGreaterThan(40);
  expect(files.flatMap(of).length).toBeGreaterThan(200);
});
