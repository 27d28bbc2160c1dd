/** Every link of the README and the pages leads to a file that is there, and to a heading that it has. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { anchorOf } from '../../docs/site/.vitepress/anchor';

const ROOT = join(__dirname, '../..');

const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !/^(site|reference)\//.test(name))
    .map((name) => `docs/${name}`),
];

const anchor = (heading: string): string => anchorOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'));

const withoutCode = (text: string): string =>
  text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

const anchorsOf = (file: string): string[] =>
  [
    ...readFileSync(file, 'utf8')
      .replace(/^```[\s\S]*?^```/gm, '')
      .matchAll(/^#+ (.+)$/gm),
  ].map(([, heading]) => anchor(heading!));

test.each(pages)('%s', (page) => {
  const text = withoutCode(readFileSync(join(ROOT, page), 'utf8'));
  const dead = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path, heading] = target.split('#') as [string, string?];
      const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
      // What `npm run docs` makes is not in the checkout.
      if (relative(ROOT, file).startsWith('docs/reference/')) return false;
      if (!existsSync(file)) return true;
      return heading !== undefined && statSync(file).isFile() && !anchorsOf(file).includes(heading);
    });
  expect(dead).toEqual([]);
});
