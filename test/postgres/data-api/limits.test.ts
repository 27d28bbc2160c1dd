import { describe, expect, it } from 'vitest';
import { type Migration, makeManifest, type Statement, sha256 } from '../../../lambda/contract/manifest';
import {
  buildRaiseRowsSql,
  PREFLIGHT_FAILED_SQLSTATE,
  VERIFICATION_FAILED_SQLSTATE,
} from '../../../lambda/engine/apply/raise-rows';
import { buildRecordSql } from '../../../lambda/engine/ledger/ledger-rows';
import { MAX_STATEMENT_LENGTH } from '../../../lambda/postgres/data-api/limits';
import { findDataApiProblems } from '../../../lib/compiler/data-api-limits';

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
  effects: [],
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
  withoutVerify: null,
  down: [],
  undo: 'none',
  settings: { supersedes: [] },
  checksums: { up: '', down: null, verify: null, preflight: null },
  ...change,
});

const problems = (change: Partial<Migration>) => findDataApiProblems(makeManifest([migration(change)]));
const long = `SELECT '${'x'.repeat(MAX_STATEMENT_LENGTH)}'`;

describe('data-api-limits', () => {
  it('finds nothing in what the Data API takes', () => {
    expect(
      problems({
        statements: [
          statement("SELECT ':a', (ARRAY[1,2])[1: 2], 1::int, $$ :b $$ -- :c\n"),
          statement('DO $$ DECLARE x int := 1; BEGIN END $$'),
        ],
        verify: [{ sql: 'SELECT 1', line: 9, checks: [] }],
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

  it.each(['x', '"', "'", '\\', '\n', '\u0001', '😀'])(
    'knows to the character how long a down of many %j becomes, which is JSON within JSON within a literal',
    (character) => {
      const namespace = 'n'.repeat(63);
      const deployment = `cli-${'0'.repeat(36)}`;
      const withDown = (sql: string) => {
        const one = migration({ down: [statement(sql)] });
        const row = { state: 'unverified', statement: 1 } as const;
        const expects = { ...row, running: 1, up_checksum: one.checksums.up, deployment };
        return { one, sent: buildRecordSql(namespace, deployment, one, row, expects).length };
      };
      const empty = withDown('').sent;
      const each = withDown(character).sent - empty;
      const room = MAX_STATEMENT_LENGTH - empty;
      const sql = character.repeat(Math.floor(room / each)) + 'x'.repeat(room % each);
      const [fitting, tooLong] = [withDown(sql), withDown(`${sql}x`)];
      expect(fitting.sent).toBe(MAX_STATEMENT_LENGTH);
      expect(findDataApiProblems(makeManifest([fitting.one]))).toEqual([]);
      expect(findDataApiProblems(makeManifest([tooLong.one]))).toMatchObject([
        { message: "the ledger's row has 65,496 characters; the Data API takes 65,495 at most" },
      ]);
    },
  );

  it('counts what stands around each query of a section', () => {
    const queries = Array.from({ length: 1_000 }, (_, i) => ({ sql: 'SELECT 1', line: i + 9, checks: [] }));
    for (const [section, sqlstate] of [
      ['preflight', PREFLIGHT_FAILED_SQLSTATE],
      ['verify', VERIFICATION_FAILED_SQLSTATE],
    ] as const) {
      const fits = (count: number) =>
        buildRaiseRowsSql(queries.slice(0, count), sqlstate).length <= MAX_STATEMENT_LENGTH;
      const most = queries.findIndex((_, i) => !fits(i + 1));
      expect(most).toBeGreaterThan(100);
      expect(problems({ [section]: queries.slice(0, most) })).toEqual([]);
      expect(problems({ [section]: queries.slice(0, most + 1) })).toMatchObject([{ line: 9 }]);
    }
  });

  it('counts the locks of a migration, which are taken in one statement', () => {
    const altering = (count: number) =>
      Array.from({ length: count }, (_, i): Statement => {
        const relation = `${'long_'.repeat(20)}${i}`;
        return { ...statement('SELECT 1'), locks: [{ relation, mode: 'ACCESS EXCLUSIVE', created: false }] };
      });
    expect(problems({ statements: altering(480) })).toEqual([]);
    expect(problems({ statements: altering(560) })).toMatchObject([
      { line: 3, message: expect.stringContaining('the list of locks has 6') },
    ]);
  });

  it('knows the target of a build that is under way, which is recorded too', () => {
    const name = 'i'.repeat(MAX_STATEMENT_LENGTH);
    const target = {
      kind: 'index',
      action: 'create',
      name,
      schema: null,
      table: 't',
      unique: false,
    } as const;
    const build = { ...statement('SELECT 1'), execution: 'non-transactional', target } as const;
    expect(problems({ statements: [build] })).toHaveLength(1);
  });

  it('finds what would be read as a named parameter', () => {
    expect(problems({ statements: [statement('SELECT (ARRAY[1,2])[n:m] FROM t')] })).toMatchObject([
      { message: 'the Data API reads `:m` as a named parameter', line: 3 },
    ]);
  });
});
