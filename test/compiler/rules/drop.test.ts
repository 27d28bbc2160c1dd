/** What each kind of DROP locks and destroys, as the compiler reads it; `locks.test.ts` compares locks with a real server's. */
import { expect, test } from 'vitest';
import { CONSENT, compile, file } from '../support';

const FIXTURE = `CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES p);
CREATE TABLE h (d date) PARTITION BY RANGE (d);
CREATE TABLE h1 PARTITION OF h FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX i ON c (p_id);`;

/** ACCESS EXCLUSIVE, unless it says otherwise; `*` stands for relations that are not named, `new` for those of the file. */
const DROPS: readonly (readonly [sql: string, command: string, locks: string, destroys: string | null])[] = [
  ['DROP TABLE c', 'DROP TABLE', 'c, p', 'DROP TABLE removes c'],
  ['DROP TABLE p, s.t', 'DROP TABLE', 'p, s.t', 'DROP TABLE removes p; DROP TABLE removes s.t'],
  ['DROP TABLE h1', 'DROP TABLE', 'h1, h', 'DROP TABLE removes h1'],
  ['DROP TABLE h', 'DROP TABLE', 'h', 'DROP TABLE removes h'],
  ['DROP TABLE IF EXISTS "Odd"', 'DROP TABLE', '"Odd"', 'DROP TABLE removes "Odd"'],
  ['CREATE TABLE n (); DROP TABLE n', 'DROP TABLE', 'n new', null],
  ['DROP VIEW v', 'DROP VIEW', 'v', null],
  ['DROP MATERIALIZED VIEW m', 'DROP MATERIALIZED VIEW', 'm', 'DROP MATERIALIZED VIEW removes m'],
  ['DROP SEQUENCE q', 'DROP SEQUENCE', 'q', 'DROP SEQUENCE removes q'],
  ['DROP FOREIGN TABLE f', 'DROP FOREIGN TABLE', 'f', null],
  ['DROP INDEX i', 'DROP INDEX', 'i, c', null],
  ['DROP SCHEMA s', 'DROP SCHEMA', '"*"', 'DROP SCHEMA removes s and what is in it'],
  ['DROP EXTENSION hstore', 'DROP EXTENSION', '"*"', 'DROP EXTENSION removes hstore and what is in it'],
  ['DROP TRIGGER x ON c', 'DROP TRIGGER', 'c', null],
  ['DROP POLICY x ON s.t', 'DROP POLICY', 's.t', null],
  ['DROP RULE x ON v', 'DROP RULE', 'v', null],
  ['DROP STATISTICS x', 'DROP STATISTICS', '"*" SHARE UPDATE EXCLUSIVE', null],
  ['DROP FUNCTION f(int)', 'DROP FUNCTION', '', null],
  ['DROP TYPE s.x', 'DROP TYPE', '', null],
  ['DROP EVENT TRIGGER x', 'DROP EVENT TRIGGER', '', null],
  ['DROP VIEW v CASCADE', 'DROP VIEW', 'v, "*"', 'CASCADE drops whatever depends on the view'],
  ['DROP FUNCTION f CASCADE', 'DROP FUNCTION', '"*"', 'CASCADE drops whatever depends on the function'],
  [
    'DROP MATERIALIZED VIEW m CASCADE',
    'DROP MATERIALIZED VIEW',
    'm, "*"',
    'DROP MATERIALIZED VIEW removes m; CASCADE drops whatever depends on the materialized view',
  ],
];

test.each(DROPS)('%s', async (sql, command, locks, destroys) => {
  const { migrations } = await compile({
    '0001_fixture.sql': CONSENT + file(FIXTURE),
    '0002_drop.sql': CONSENT + file(`${sql};`),
  });
  const statement = migrations[1]!.statements.at(-1)!;
  const taken = statement.locks.map(
    ({ relation, mode, created }) =>
      relation + (mode === 'ACCESS EXCLUSIVE' ? '' : ` ${mode}`) + (created ? ' new' : ''),
  );
  expect({ ...statement, locks: taken.join(', ') }).toMatchObject({ command, locks, destroys });
});
