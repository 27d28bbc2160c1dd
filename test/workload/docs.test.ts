/** docs/workload.md lists everything that can be said of a statement; docs/workload-changes.md what is said of a change. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as words from '../../lambda/workload/words';
import { expectGenerated, replacePart } from '../support/generated';
import { CHANGES, rowOf } from './change-list';

const DOCS = join(__dirname, '../../docs');
const page = readFileSync(join(DOCS, 'workload.md'), 'utf8');

test.each(Object.entries(words.FAILURE_REASONS))('%s', (sqlstate, why) => {
  expect(page).toContain(`| ${sqlstate} | ${why} |`);
});

test.each(
  Object.values({
    ...words.FAILURE_CAUSES,
    ...words.UNDECIDED_REASONS,
    ...words.WOULD_FAIL,
    ...words.DEGRADATIONS,
  }).filter((value) => typeof value === 'string'),
)('%s', (why) => {
  expect(page).toMatch(new RegExp(`\\| ${why.replace(/[.*+?^$()|]/g, '\\$&')} \\|`));
});

const CANNOT_SEE = '**cannot see**';

test.each([
  ['## Changes that the guard detects', false],
  ['## Changes that the guard cannot detect', true],
] as const)('the table below %s is what the tests find', (heading, unseen) => {
  const due = CHANGES.map(rowOf)
    .filter((row) => row.includes(CANNOT_SEE) === unseen)
    .map((row) => row.replace(` ${CANNOT_SEE} |`, ''));
  const table = new RegExp(`(${heading}\\n[\\s\\S]*?\\n\\| a change \\|.*\\n.*\\n)((?:\\|.*\\n)*)`);
  expectGenerated(join(DOCS, 'workload-changes.md'), (page) =>
    replacePart(page, table, due.map((row) => `${row}\n`).join('')),
  );
});
