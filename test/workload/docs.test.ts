/** docs/workload.md lists everything that can be said of a statement. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as words from '../../lambda/workload/words';
import { CHANGES, rowOf } from './change-list';

const page = readFileSync(join(__dirname, '../../docs/workload.md'), 'utf8');

test.each(Object.entries(words.FAILURES))('%s', (sqlstate, why) => {
  expect(page).toContain(`| ${sqlstate} | ${why} |`);
});

test.each(
  Object.values({ ...words.UNDECIDED, ...words.WOULD_FAIL, ...words.WORSE }).filter(
    (value) => typeof value === 'string',
  ),
)('%s', (why) => {
  expect(page).toMatch(new RegExp(`\\| ${why.replace(/[.*+?^$()|]/g, '\\$&')} \\|`));
});

test('the table of changes is what the tests find', () => {
  const start = page.indexOf('| a change |');
  const rows = page.slice(start).split('\n\n')[0]!.split('\n').slice(2).filter(Boolean);
  expect(rows).toEqual(CHANGES.map(rowOf));
});
