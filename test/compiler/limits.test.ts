/** Size: deep nesting, large files, many files. */
import { describe, expect, test } from 'vitest';
import { type CompileError, compileFiles } from '../../lib/compiler';
import { MAX_FILE_BYTES } from '../../lib/compiler/read/files';
import { compile, compileUp, file, problemsOf } from './support';

describe('nesting', () => {
  const TOO_DEEP = 'the SQL is nested too deeply for the parser';
  const deep: [string, string][] = [
    ['parentheses', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['queries', `SELECT ${'(SELECT '.repeat(4_000)}1${')'.repeat(4_000)}`],
    ['a long sum', `SELECT ${'1+'.repeat(200_000)}1`],
    ['a long NOT', `SELECT ${'NOT '.repeat(100_000)}true`],
  ];

  test.each(deep)('%s: a clear message, and the files after it are read as ever', async (_what, sql) => {
    for (let round = 0; round < 3; round++) {
      const problems = await problemsOf({
        '0001_deep.sql': `-- migrate:up\n${sql};\n-- migrate:verify\nSELECT 1`,
        '0002_bad.sql': file('ALTER TABLE t DROP COLUMN a;'),
        '0003_good.sql': file('SELECT 1;'),
      });
      expect(problems.map(({ file, message }) => `${file} ${message}`)).toEqual([
        `0001_deep.sql ${TOO_DEEP}`,
        expect.stringMatching(/^0002_bad.sql DROP COLUMN/),
      ]);
    }
  });

  test('one folder does not disturb another that is compiled at the same time', async () => {
    const sum = `SELECT ${'1+'.repeat(200_000)}1`;
    const bad = () => problemsOf({ '0001_deep.sql': file(sum), '0002_deep.sql': file(sum) });
    const good = () => compile(Object.fromEntries([1, 2, 3].map((n) => [`000${n}_a.sql`, file('SELECT 1')])));
    const [first, second, third, fourth] = await Promise.all([bad(), good(), bad(), good()]);
    expect([...first, ...third].map(({ message }) => message)).toEqual(Array(4).fill(TOO_DEEP));
    expect(second).toEqual(fourth);
  });

  test('what people write passes', async () => {
    const { statements } = await compileUp(
      `SELECT ${'('.repeat(500)}1${')'.repeat(500)}, ${'1+'.repeat(2_000)}1, ${"'a'||".repeat(1_000)}'b'
       WHERE ${'a = 1 OR '.repeat(5_000)} false`,
    );
    expect(statements).toHaveLength(1);
  });
});

test('a file of just four mebibytes compiles; one byte more does not', async () => {
  const head = '-- migrate:up\n';
  const tail = '-- migrate:verify\nSELECT 1\n';
  const row = "INSERT INTO t VALUES (1, 'ż');\n";
  const rows = row.repeat(Math.floor((MAX_FILE_BYTES - 200) / Buffer.byteLength(row)));
  const padding = MAX_FILE_BYTES - Buffer.byteLength(head + rows + tail);
  const text = `${head}${rows}${' '.repeat(padding)}${tail}`;
  const { migrations } = await compile({ '0001_a.sql': text });
  expect(migrations[0]!.statements.at(-1)).toMatchObject({ sql: row.slice(0, -2), command: 'INSERT' });
  expect((await problemsOf({ '0001_a.sql': `${text} ` }))[0]!.message).toContain('4,194,305 bytes');
});

describe('many files', () => {
  const files = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      name: `${String(i + 1).padStart(5, '0')}_step.sql`,
      bytes: Buffer.from(
        file(
          `CREATE TABLE t${i} (id int PRIMARY KEY, parent int REFERENCES t${Math.max(0, i - 1)});
ALTER TABLE t${i} ADD COLUMN note text;
CREATE INDEX i${i} ON t${i} (note);
ALTER TABLE t${i} RENAME TO u${i};
ALTER TABLE u${i} RENAME TO t${i};`,
          `-- migrate:down\nDROP TABLE t${i};\n`,
        ),
      ),
    }));
  /** Processor time, which a busy machine does not change much. */
  const cost = async (count: number) => {
    const input = files(count);
    const start = process.cpuUsage();
    await compileFiles(input);
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };

  test('10,000 cost about ten times as much as 1,000', async () => {
    await cost(1_000); // the machine code is warm from here on
    const thousand = Math.min(await cost(1_000), await cost(1_000), await cost(1_000));
    const tenThousand = await cost(10_000);
    // A cost that grows with the square would be a hundred times as much.
    expect(tenThousand / thousand).toBeLessThan(30);
  });

  test('and so do their problems', async () => {
    const broken = files(3_000).map(({ name, bytes }) => ({
      name,
      bytes: Buffer.from(`${bytes}COMMIT; SELEC 1;`),
    }));
    const error: unknown = await compileFiles(broken).catch((thrown) => thrown);
    expect((error as CompileError).problems).toHaveLength(6_000);
  });
});
