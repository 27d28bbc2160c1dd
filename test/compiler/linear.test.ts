/**
 * Compiling takes time in proportion to the text, whatever its form: four times the text takes some four times as much,
 * where a look back at what was read already would take sixteen. Processor time is compared, not the clock's.
 */
import { expect, test } from 'vitest';
import { CompileError } from '../../lib/compiler';
import { compile } from './support';

const HEAD = '-- migrate:no-verify x\n-- migrate:consent destroys x\n-- migrate:consent rewrites x\n';
const up = (sql: string): string => `${HEAD}-- migrate:up\n${sql}\n`;
const each = (n: number, text: (i: number) => string, between = ''): string =>
  Array.from({ length: n }, (_, i) => text(i)).join(between);

/** How often, and the text with that many of it: some 10 ms each. */
const FORMS: Readonly<Record<string, readonly [n: number, text: (n: number) => string]>> = {
  'rows on one line': [5_000, (n) => up(`INSERT INTO t VALUES ${"(1,'ä'),".repeat(n)}(1,'b');`)],
  'comments on one line': [10_000, (n) => up(`SELECT 1 ${'/* c */ '.repeat(n)};`)],
  'comments in comments': [20_000, (n) => up(`SELECT 1 ${'/*'.repeat(n)}${'*/'.repeat(n)};`)],
  'comments that do not end': [20_000, (n) => up(`SELECT 1 ${'/*'.repeat(n)}`)],
  'strings that do not end': [50_000, (n) => up(`SELECT 'a ${'b '.repeat(n)}`)],
  'statements on one line': [500, (n) => up('SELECT 1;'.repeat(n))],
  'words with dollars': [40_000, (n) => up(`SELECT ${'a$'.repeat(n)};`)],
  'numbers with dollars': [20_000, (n) => up(`SELECT ${'1$'.repeat(n)};`)],
  'dollar quotes': [5_000, (n) => up(`SELECT ${'$$a$$,'.repeat(n)}1;`)],
  'the word copy': [2_000, (n) => up(`SELECT 1${'\ncopy '.repeat(n)};`)],
  'COPY without data': [1_000, (n) => up('copy t from stdin;\n'.repeat(n))],
  'COPY with data': [1_000, (n) => up("copy t from stdin;\nit's\n\\.\n".repeat(n))],
  'words on one line': [10_000, (n) => up(`SELECT 1 ${'c '.repeat(n)};`)],
  'white space': [40_000, (n) => up(`SELECT 1;${' '.repeat(n)}SELECT 2;${'\n'.repeat(n)}SELECT 3`)],
  'psql commands': [1_000, (n) => up('\\set x\n'.repeat(n))],
  'problems on one line': [500, (n) => up('COMMIT; '.repeat(n))],
  sections: [1_000, (n) => '-- migrate:up\nSELECT 1;\n'.repeat(n)],
  directives: [1_000, (n) => '-- migrate:supersedes a\n'.repeat(n) + up('SELECT 1')],
  columns: [
    400,
    (n) => up(`CREATE TABLE t (${each(n, (i) => `c${i} int DEFAULT (1 + ${i}) NOT NULL`, ',')});`),
  ],
  tables: [
    200,
    (n) => up(each(n, (i) => `CREATE TABLE t${i} (a int REFERENCES u); CREATE INDEX i${i} ON t${i} (f(a));`)),
  ],
  'constraints of one table': [
    200,
    (n) => up(each(n, (i) => `ALTER TABLE t ADD CONSTRAINT c${i} FOREIGN KEY (a) REFERENCES u NOT VALID;`)),
  ],
  'names given and dropped': [
    200,
    (n) => up(each(n, (i) => `CREATE TABLE a${i} (); ALTER TABLE a${i} RENAME TO b${i}; DROP TABLE b${i};`)),
  ],
  functions: [
    200,
    (n) =>
      up(
        each(
          n,
          (i) => `CREATE FUNCTION f${i}() RETURNS int STABLE LANGUAGE sql AS 'SELECT now()'; SELECT f${i}();`,
        ),
      ),
  ],
  'functions that call each other': [
    100,
    (n) =>
      up(
        each(n, (i) => `CREATE FUNCTION f${i}() RETURNS int STABLE LANGUAGE sql AS 'SELECT f${i + 1}()';`) +
          'SELECT f0()',
      ),
  ],
  'common table expressions': [
    500,
    (n) => up(`WITH ${each(n, (i) => `c${i} AS (SELECT 1)`, ',')} SELECT 1;`),
  ],
  checks: [
    500,
    (n) =>
      `-- migrate:up\nSELECT 1;\n-- migrate:verify\n${"SELECT trueup.col_has_default('a', 'b');\n".repeat(n)}`,
  ],
};

/** The least of a few runs, in microseconds: what else the process does at the time is not ours. */
async function timeOf(text: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 2; run++) {
    const before = process.cpuUsage();
    await compile({ '0001_a.sql': text }).catch((error: unknown) => {
      if (!(error instanceof CompileError)) throw error;
    });
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, user + system);
  }
  return least;
}

test.each(Object.entries(FORMS))('%s', async (_form, [n, text]) => {
  let ratio = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3 && ratio > 9; attempt++)
    ratio = (await timeOf(text(4 * n))) / Math.max(await timeOf(text(n)), 2_000);
  expect(ratio).toBeLessThan(9);
});
