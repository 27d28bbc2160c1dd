/** A dump is cut into the same statements wherever the pieces end that it is read in. */
import { expect, test } from 'vitest';
import type { DumpItem, OpenItem } from '../../../lib/audit/sources/dump/item';
import { DumpSplitter } from '../../../lib/audit/sources/dump/split';
import { MAX_DUMP_STATEMENT_LENGTH } from '../../../lib/audit/sources/dump/unfinished-statement';
import { fc } from '../../support/property';

function split(
  text: string,
  sizes: readonly number[] = [text.length],
): { items: DumpItem[]; open: OpenItem } {
  const splitter = new DumpSplitter();
  const items: DumpItem[] = [];
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length]!);
    items.push(...splitter.push(text.slice(at, at + size)));
    at += size;
  }
  const { items: last, open } = splitter.end();
  return { items: [...items, ...last], open };
}

const DUMP = String.raw`-- it's a comment; with a quote
\restrict x7
SET a = 'b;c'; SELECT E'it\'s; ''x' , "a;""b"; /* c; /* d; */ ; */
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 2; END;
CREATE FUNCTION g() RETURNS int AS $x$ begin; $$ ; ' end $x$ LANGUAGE plpgsql;
COPY public.t (a) FROM stdin;
1	it's;
\N	\\.
\.

INSERT INTO t (a, b) VALUES (1, 'x(;'), (2, (3));
CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);
COPY public.e (a) FROM stdin;
\.
SELECT 1`;

const SEEN = [
  ['meta', 'restrict x7'],
  ['statement', "SET a = 'b;c'"],
  ['statement', String.raw`SELECT E'it\'s; ''x' , "a;""b"`],
  [
    'statement',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 2; END',
  ],
  ['statement', "CREATE FUNCTION g() RETURNS int AS $x$ begin; $$ ; ' end $x$ LANGUAGE plpgsql"],
  ['rows', 'COPY public.t (a) FROM stdin', 2],
  ['rows', "INSERT INTO t (a, b) VALUES (1, 'x(;'), (2, (3));", 2],
  ['statement', 'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)'],
  ['rows', 'COPY public.e (a) FROM stdin', 0],
  ['statement', 'SELECT 1'],
];

const short = (item: DumpItem): unknown[] => [
  item.kind,
  item.text.trim(),
  ...(item.kind === 'rows' ? [item.rows] : []),
];

test('statements, rows and commands of psql', () => {
  const { items, open } = split(DUMP);
  expect(items.map(short)).toEqual(SEEN);
  expect(open).toBeNull();
  expect(items.map(({ line }) => line)).toEqual([2, 3, 3, 4, 5, 6, 11, 12, 13, 15]);
});

test('wherever the pieces end', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }), (sizes) => {
      expect(split(DUMP, sizes)).toEqual(split(DUMP));
    }),
  );
});

test.each([
  ['COPY public.t (a) FROM stdin;\n1\n', { in: 'rows', line: 1 }],
  ["SELECT 1;\nSELECT 'abc", { in: 'statement', line: 2 }],
  ['SELECT $a$ abc', { in: 'statement', line: 1 }],
  ['CREATE TABLE t (\n  a int,', { in: 'statement', line: 1 }],
  ['SELECT 1; -- the end', null],
  ['', null],
] as const)('where it was cut off: %j', (text, open) => {
  expect(split(text).open).toEqual(open);
});

test('long lines of rows are counted, and neither kept nor taken for SQL', () => {
  const long = `'${'ab;'.repeat(2_000_000)}(`;
  const { items } = split(`COPY t FROM stdin;\n${long}\n${long}\n\\.\nSELECT 1;`, [1 << 20]);
  expect(items.map(short)).toEqual([
    ['rows', 'COPY t FROM stdin', 2],
    ['statement', 'SELECT 1'],
  ]);
  const insert = split(`INSERT INTO t VALUES ('${'a;(b'.repeat(2_000_000)}'), (2);`, [1 << 20]).items;
  expect(insert).toMatchObject([{ kind: 'rows', rows: 2 }]);
  expect(insert[0]!.text.length).toBeLessThan(5_000);
});

test('a statement that is too long', () => {
  const { items } = split(`SELECT '${'x'.repeat(MAX_DUMP_STATEMENT_LENGTH + 10)}'; SELECT 2;`, [1 << 20]);
  expect(items.map(({ kind }) => kind)).toEqual(['too long', 'statement']);
  expect(items[0]!.text.length).toBeLessThan(5_000);
});
