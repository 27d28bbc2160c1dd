/** Each sentence of "What is assumed" names the step that settles it, and docs/testing-aws.md says what the program does. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { costTable } from './cost';
import { HELP, PARTS, type Part } from './options';
import { policyFor, policyText } from './policy';
import { STEPS } from './steps';

const DOCS = join(__dirname, '../../docs');
const read = (page: string): string => readFileSync(join(DOCS, page), 'utf8');
const HEADING = '\n## What is assumed\n';
const page = read('testing-aws.md');
const ids = STEPS.map(({ id }) => id);

const pages = readdirSync(DOCS).filter((name) => name.endsWith('.md') && read(name).includes(HEADING));

/** Bullets, or rows of a table: one a sentence. */
function sentences(name: string): string[] {
  const section = read(name).split(HEADING)[1]!.split(/\n## /)[0]!;
  const bullets = section.split(/\n(?=- )/).filter((each) => each.startsWith('- '));
  const rows = section.split('\n').filter((each) => each.startsWith('| '));
  return [...bullets.map((each) => each.split('\n\n')[0]!), ...rows.slice(1)];
}

test('the pages with assumptions are found', () => {
  expect(pages).toEqual(expect.arrayContaining(['deploying.md', 'rollback.md']));
  for (const name of pages) expect(sentences(name).length, name).toBeGreaterThan(5);
});

describe.each(pages)('%s', (name) => {
  test.each(sentences(name))('%s', (sentence) => {
    const named = [...sentence.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word!);
    expect(named.filter((word) => ids.includes(word))).not.toEqual([]);
  });
});

const MADE: Readonly<Record<Part, string>> = {
  reads: 'nothing',
  stack: 'the small stack',
  instance: 'an RDS instance',
  aurora: 'an Aurora cluster',
};

test('the page has a row for each step, and for nothing else', () => {
  const rows = [...page.matchAll(/^\| `([a-z][a-z-]*)` \| ([^|]+) \|/gm)].map(([, id, made]) => [id, made]);
  expect(rows).toEqual(STEPS.map(({ id, part }) => [id, MADE[part]]));
});

test('the page shows the cost and the policy as they are printed', () => {
  expect(page).toContain(`\n\`\`\`\n${costTable(['reads', 'stack'])}\n\`\`\`\n`);
  expect(page).toContain(`\n\`\`\`\n${costTable(PARTS)}\n\`\`\`\n`);
  const target = { account: '123456789012', region: 'eu-west-1' };
  expect(page).toContain(`\n\`\`\`json\n${policyText(policyFor(target, ['reads', 'stack']))}\n\`\`\`\n`);
});

test('the output that the page shows has every step, by the title that it has now', () => {
  const shown = page.split('\n## Against the local AWS\n')[1]!;
  const titles = [...shown.matchAll(/^([a-z-]+): (.+)$/gm)].map(([, id, title]) => [id, title]);
  const own = STEPS.filter(({ part }) => part === 'reads' || part === 'stack');
  expect(titles).toEqual(own.map(({ id, title }) => [id, title]));
});

test('every option on the page is one of the program', () => {
  const options = [...page.matchAll(/--[a-z][a-z-]*/g)].map(([option]) => option);
  expect([...new Set(options)].filter((option) => !HELP.includes(option))).toEqual([]);
});
