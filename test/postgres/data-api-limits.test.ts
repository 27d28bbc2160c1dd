import { describe, expect, it } from 'vitest';
import { type Migration, makeManifest, type Statement, sha256 } from '../../lambda/engine/manifest';
import { dataApiProblems, MAX_STATEMENT_LENGTH } from '../../lambda/postgres/data-api-limits';

const statement = (sql: string, line = 3): Statement => ({
  sql,
  line,
  checksum: sha256(sql),
  command: 'INSERT',
  execution: 'transaction',
  locks: [],
  destroys: null,
  rewrites: null,
  target: null,
});

const migration = (change: Partial<Migration>): Migration => ({
  name: '0001_first',
  kind: 'versioned',
  version: '0001',
  file: '0001_first.sql',
  description: '',
  preflight: [],
  statements: [statement('SELECT 1')],
  verify: [],
  verifyWhen: 'before-commit',
  unproved: null,
  down: [],
  undo: 'none',
  settings: { supersedes: [] },
  checksums: { up: '', down: null, verify: null, preflight: null },
  ...change,
});

const problems = (change: Partial<Migration>) => dataApiProblems(makeManifest([migration(change)]));
const long = `SELECT '${'x'.repeat(MAX_STATEMENT_LENGTH)}'`;

describe('data-api-limits', () => {
  it('finds nothing in what the Data API takes', () => {
    expect(
      problems({
        statements: [
          statement("SELECT ':a', (ARRAY[1,2])[1: 2], 1::int, $$ :b $$ -- :c\n"),
          statement('DO $$ DECLARE x int := 1; BEGIN END $$'),
        ],
        verify: [{ sql: 'SELECT 1', line: 9 }],
      }),
    ).toEqual([]);
  });

  it('says file, line and length of what is too long', () => {
    expect(problems({ statements: [statement('SELECT 1'), statement(long, 7)] })).toEqual([
      {
        migration: '0001_first',
        file: '0001_first.sql',
        line: 7,
        message: 'this INSERT has 65,504 characters; the Data API takes 65,495 at most',
        remedy: 'Split it into several statements.',
      },
    ]);
  });

  it.each(['preflight', 'verify'] as const)('takes the queries of a %s section together', (section) => {
    const half = { sql: `SELECT '${'x'.repeat(MAX_STATEMENT_LENGTH / 2)}'`, line: 12 };
    expect(problems({ [section]: [half] })).toEqual([]);
    const [found, ...more] = problems({ [section]: [half, half] });
    expect(found).toMatchObject({ line: 12, message: expect.stringContaining(`the ${section} section`) });
    expect(more).toEqual([]);
  });

  it('knows that the ledger keeps a down section, and a checksum a statement, in one row', () => {
    const half = statement(`SELECT '${'x'.repeat(MAX_STATEMENT_LENGTH / 2)}'`);
    expect(problems({ down: [half] })).toEqual([]);
    expect(problems({ down: [half, half] })).toMatchObject([
      { message: expect.stringContaining("the ledger's row has 6") },
    ]);
    expect(problems({ statements: Array.from({ length: 900 }, () => statement('SELECT 1')) })).toEqual([]);
    expect(problems({ statements: Array.from({ length: 1_000 }, () => statement('SELECT 1')) })).toHaveLength(
      1,
    );
  });

  it('finds what would be read as a named parameter', () => {
    expect(problems({ statements: [statement('SELECT (ARRAY[1,2])[n:m] FROM t')] })).toMatchObject([
      { message: 'the Data API reads `:m` as a named parameter', line: 3 },
    ]);
  });
});
