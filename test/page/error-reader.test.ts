/** The lines of one error are joined by backend, without row data. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ABORTED, at, CONFLICT, collect, collectLines, notNull } from './lines';

describe('joining', () => {
  it('the files of PostgreSQL 12 to 18', async () => {
    for (const major of [12, 13, 14, 15, 16, 17, 18]) {
      for (const verbosity of ['terse', 'default', 'verbose']) {
        const name = join(__dirname, `../data/postgres-logs/pg${major}-${verbosity}-stderr.log`);
        const groups = await collectLines(readFileSync(name, 'utf8').split('\n'));
        const found = groups.map(({ signature, table, column, statement, count }) => [
          signature,
          table,
          column,
          count,
          statement?.slice(0, 44),
        ]);
        expect(found).toContainEqual([
          'not-null',
          major === 12 ? null : 'customers',
          'email',
          2,
          'INSERT INTO customers (id, org_id, email, ph',
        ]);
        expect(found.filter(([signature]) => signature === 'on-conflict')).toEqual([
          ['on-conflict', null, null, 2, 'INSERT INTO memberships (org_id, user_id, ro'],
        ]);
        expect(groups.reduce((sum, group) => sum + group.count, 0)).toBe(major === 12 ? 12 : 11);
        // What is in these logs of persons.
        expect(JSON.stringify(groups)).not.toMatch(/jane|bloggs|\+48|dead/);
      }
    }
  });

  it('other backends’ lines between, and the same process id on another instance', () => {
    const { groups } = collect([
      { message: at(1, notNull('a')), stream: 'i1' },
      { message: at(2, notNull('b')), stream: 'i1' },
      { message: at(1, notNull('c')), stream: 'i2' },
      { message: at(2, 'STATEMENT:  INSERT INTO b DEFAULT VALUES'), stream: 'i1' },
      { message: at(1, 'DETAIL:  Failing row contains (CANARY).'), stream: 'i1' },
      { message: at(1, 'STATEMENT:  INSERT INTO c DEFAULT VALUES'), stream: 'i2' },
      { message: at(1, 'STATEMENT:  INSERT INTO a DEFAULT VALUES'), stream: 'i1' },
    ]);
    expect(groups.map(({ table, statement }) => [table, statement]).sort()).toEqual([
      ['a', 'INSERT INTO a DEFAULT VALUES'],
      ['b', 'INSERT INTO b DEFAULT VALUES'],
      ['c', 'INSERT INTO c DEFAULT VALUES'],
    ]);
  });

  it('25P02 is counted beside its cause, never as a cause', () => {
    const { groups } = collect([
      at(1, CONFLICT),
      at(1, 'STATEMENT:  INSERT INTO m (a) VALUES (1) ON CONFLICT (a) DO NOTHING'),
      at(1, ABORTED),
      at(1, "STATEMENT:  SELECT 'innocent'"),
      at(1, ABORTED),
      at(2, ABORTED),
      at(1, 'ERROR:  relation "x" does not exist at character 15'),
      at(1, ABORTED),
    ]);
    expect(groups).toMatchObject([{ signature: 'on-conflict', count: 1, aborted: 2 }]);
    expect(groups[0]!.statement).toBe('INSERT INTO m (a) VALUES (?) ON CONFLICT (a) DO NOTHING');
  });

  it('a line that is missing leaves the rest', () => {
    const { groups } = collect([
      at(1, 'STATEMENT:  SELECT 1'),
      at(1, notNull('a')),
      at(1, 'LOG:  duration: 1 ms'),
      at(1, 'STATEMENT:  SELECT 2'),
    ]);
    expect(groups).toMatchObject([{ table: 'a', statement: null }]);
  });
});
