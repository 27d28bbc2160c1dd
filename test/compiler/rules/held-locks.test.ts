/** A data change beside a lock that stops readers: what counts as one, and beside what. */
import { expect, test } from 'vitest';
import { CompileError } from '../../../lib/compiler';
import { compile, file } from '../support';

const LOCKS = 'ALTER TABLE orders ADD COLUMN source text';
const CHANGES = 'UPDATE payments SET amount = 0 WHERE amount IS NULL';

/** What is said of a data change behind a lock. */
async function said(up: string): Promise<string[]> {
  try {
    await compile({ '0001_a.sql': `-- migrate:consent destroys for a test\n${file(`${up};`)}` });
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const messages = error.problems.map(({ message }) => message);
    return messages.filter((message) => message.includes('while nobody else can read'));
  }
  return [];
}

test.each<[string, string, boolean]>([
  ['behind it', `${LOCKS}; ${CHANGES}`, true],
  ['before it', `${CHANGES}; ${LOCKS}`, true],
  ['with another statement between', `${LOCKS}; SELECT 1; ${CHANGES}`, true],
  ['alone', CHANGES, false],
  [
    'beside a lock that stops writers only',
    `CREATE TRIGGER a AFTER INSERT ON orders EXECUTE FUNCTION f(); ${CHANGES}`,
    false,
  ],
  [
    'beside the lock of a new table',
    `CREATE TABLE fresh (a int); ALTER TABLE fresh ADD b int; ${CHANGES}`,
    false,
  ],
  ['beside what a DO block may lock', `DO $$ BEGIN END $$; ${CHANGES}`, false],
  ['of a new table', `CREATE TABLE fresh (a int); ${LOCKS}; UPDATE fresh SET a = 1`, false],
  ['of the rows that are listed', `${LOCKS}; INSERT INTO payments (amount) VALUES (1), (2)`, false],
  ['of the rows that a query gives', `${LOCKS}; INSERT INTO payments SELECT * FROM old`, true],
  ['that changes nothing: rows are only locked', `${LOCKS}; SELECT 1 FROM payments FOR UPDATE`, false],
  ['in a transaction of its own', `${LOCKS}; REINDEX INDEX CONCURRENTLY i; ${CHANGES}`, false],
])('a data change %s', async (_, up, isSaid) => {
  expect(await said(up)).toHaveLength(isSaid ? 1 : 0);
});

test('the command, the table and the lock are named', async () => {
  expect(await said(`${LOCKS}; ${CHANGES}`)).toEqual([
    expect.stringContaining('UPDATE changes rows of payments while nobody else can read orders'),
  ]);
});
