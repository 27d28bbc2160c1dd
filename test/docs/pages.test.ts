/** The pages of docs/ are short enough to be read, and each is in one group of the site's sidebar. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const DOCS = join(__dirname, '../../docs');
const GROUPS = ['Start', 'Concepts', 'Guides', 'Reference', 'Runbooks', 'Contributing'];

const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.md') && !name.startsWith('site/'),
);
const sidebar: Record<string, string[]> = JSON.parse(
  readFileSync(join(DOCS, 'site/.vitepress/sidebar.json'), 'utf8'),
);

test.each(pages)('%s has fewer than 250 lines', (page) => {
  expect(readFileSync(join(DOCS, page), 'utf8').split('\n').length).toBeLessThan(250);
});

test('the README has fewer than 130', () => {
  expect(readFileSync(join(DOCS, '../README.md'), 'utf8').split('\n').length).toBeLessThan(130);
});

test('the sidebar has its groups', () => {
  expect(Object.keys(sidebar)).toEqual(GROUPS);
});

test('each page is in one group', () => {
  const listed = Object.values(sidebar)
    .flat()
    // What `npm run docs` makes from the sources is not in the checkout.
    .filter((path) => !path.startsWith('reference/'))
    .map((path) => `${path}.md`);
  const inFolder = (page: string) => page.replace(/^(defects|audit)\/.*/, '$1/*.md');
  expect(listed.sort()).toEqual([...new Set(pages.map(inFolder))].sort());
});
