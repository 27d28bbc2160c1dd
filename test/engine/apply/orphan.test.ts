/** An orphan that appears after preflight has looked: VALIDATE finds it, and is where the next run goes on. */
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../../lambda/contract/manifest';
import { connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';
import { applications } from '../../support/watching';

const lock = (relation: string) => ({ relation, mode: 'SHARE ROW EXCLUSIVE' as const, created: false });
const add = {
  sql: 'ALTER TABLE child ADD CONSTRAINT child_parent_fk FOREIGN KEY (parent) REFERENCES parent NOT VALID',
  locks: [lock('child'), lock('parent')],
};
const validate = {
  sql: 'ALTER TABLE child VALIDATE CONSTRAINT child_parent_fk',
  execution: 'separate' as const,
  target: { kind: 'constraint', action: 'validate', name: 'child_parent_fk', table: 'child' } as const,
};

/** Between its preflight and its foreign key somebody writes an orphan: here, its own first statement. */
const withOrphan: Manifest = manifestOf(
  migration('0001_reference', {
    preflight:
      "SELECT 'child ' || id || ' has no parent' FROM child WHERE parent NOT IN (SELECT id FROM parent)",
    up: ['INSERT INTO child VALUES (2, 987654)', add, validate],
    verify:
      "SELECT 'not validated' FROM pg_constraint WHERE conname = 'child_parent_fk' AND NOT convalidated",
  }),
  migration('0002_after', { up: ['CREATE TABLE after ()'] }),
);

describe.each(majors())('PostgreSQL %i', (major) => {
  test('VALIDATE fails with the place and the remedy; once the data is fixed, the next run does only that', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(
      'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)',
    );
    for (const attempt of [1, 2]) {
      const { outcome } = await run(url, withOrphan);
      expect(outcome, `attempt ${attempt}`).toMatchObject({
        status: 'failed',
        error: {
          code: 'statement',
          sqlstate: '23503',
          migration: '0001_reference',
          statement: 3,
          message: expect.stringContaining('child_parent_fk'),
          remedy: expect.stringMatching(
            /Some rows refer to rows that do not exist.*The statements before it remain applied/,
          ),
        },
        report: { applied: [], pending: ['0001_reference', '0002_after'] },
      });
      // Not the value, which the server puts into the detail.
      expect(JSON.stringify(outcome)).not.toContain('987654');
    }
    const row =
      "SELECT state, statements_done AS statement, running_statement AS running FROM trueup.migrations WHERE name = '0001_reference'";
    expect((await client.query(row)).rows).toEqual([{ state: 'partial', statement: 2, running: null }]);
    // From now on nobody can add another orphan.
    await expect(client.query('INSERT INTO child VALUES (3, 987655)')).rejects.toMatchObject({
      code: '23503',
    });
    await client.query('DELETE FROM child WHERE parent = 987654');
    const { report } = await up(url, withOrphan);
    expect(report).toMatchObject({ applied: ['0001_reference', '0002_after'], pending: [] });
    // Had it begun anew, the orphan would be back.
    expect((await client.query('SELECT id FROM child')).rows).toEqual([{ id: 1 }]);
    const key = "SELECT convalidated AS valid FROM pg_constraint WHERE conname = 'child_parent_fk'";
    expect((await client.query(key)).rows).toEqual([{ valid: true }]);
    expect(await applications(url)).toEqual({ '0001_reference': 1, '0002_after': 1 });
  });
});
