/** A file that is no snapshot, or not a whole one, is refused in one sentence. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Catalog, OBJECT_KINDS } from '../../lambda/audit/catalog';
import { readSnapshot, readSnapshotFile, SnapshotProblem, writeSnapshot } from '../../lib/audit/file';
import { parseDocument } from '../../lib/audit/file-lines';
import type { Snapshot } from '../../lib/audit/snapshot';

const empty = Object.fromEntries(Object.keys(OBJECT_KINDS).map((kind) => [kind, []])) as unknown as Catalog;
const snapshot: Snapshot = {
  taken: {
    at: '2026-11-21T09:15:00.000Z',
    version: '0.1.0',
    role: 'app',
    ms: { catalog: 1, workload: 2, sequenceValues: 3, rows: 4 },
  },
  catalog: {
    ...empty,
    database: [
      {
        name: 'shop',
        serverVersion: '18.4',
        serverVersionNumber: 180_004,
        encoding: 'UTF8',
        collate: 'C',
        ctype: 'C',
      },
    ],
    tables: [{ schema: 'a"b\n<script>', name: '\u2028', kind: 'table' }],
    columns: [{ schema: 'a"b\n<script>', table: '\u2028', name: '}\n}', type: 'text', default: "'x'::text" }],
  },
  sequenceValues: [{ schema: 's', name: 'q', lastValue: '9223372036854775807', isCalled: true }],
  rows: [{ schema: 's', name: 't', rows: 3, exact: true }],
  workload: [{ text: 'SELECT 1', parameters: 0, senders: [{ role: 'app', searchPath: null, calls: 3 }] }],
  notChecked: [
    { what: 'rows of a table', of: { schema: 's', name: 'u' }, why: 'the role has no privilege to read it' },
  ],
};
const text = writeSnapshot(snapshot);

const problem = (given: string): string => {
  try {
    readSnapshot(given);
  } catch (error) {
    if (error instanceof SnapshotProblem) return error.message;
    throw error;
  }
  return 'none';
};

test('what is written is read', () => {
  expect(readSnapshot(text)).toMatchObject(snapshot);
  expect(writeSnapshot(readSnapshot(text))).toBe(text);
  expect(readSnapshot(`\uFEFF${text}`)).toMatchObject(snapshot);
});

test('each object has a line', () => {
  expect(text.split('\n').filter((line) => line.includes('"table"'))).toHaveLength(2);
});

const inOneGo = (given: string): unknown => {
  try {
    return JSON.parse(given);
  } catch {
    return null;
  }
};

test('line by line it is the same document, and what is none is none', () => {
  const two = text.replace(/(\{"schema":"s","name":"q".*\})/, '$1,\n$1');
  expect(parseDocument(two.split('\n'))).toEqual(inOneGo(two));
  // Deeper than the stack is.
  expect(parseDocument([`{"catalog": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`])).toBeNull();
  for (let at = 0; at < two.length; at++)
    for (const other of ['', ',', '\n', '{', '[']) {
      const given = two.slice(0, at) + other + two.slice(at + 1);
      const document = parseDocument(given.split('\n'));
      if (document !== null) expect([given, document]).toEqual([given, inOneGo(given)]);
    }
});

test('from a file it is read as it is from its text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-file-'));
  const file = join(folder, 'shop.json');
  const readOf = (given: string) => {
    writeFileSync(file, given);
    return readSnapshotFile(file);
  };
  try {
    // Characters of several bytes that a chunk ends in.
    const rows = Array.from({ length: 5_000 }, (_, i) => ({ schema: 's', name: `t😀é${i}`, rows: i }));
    const large = writeSnapshot({ ...snapshot, rows });
    for (const given of [text, large, `\uFEFF${text}`, text.replaceAll('\n', '\r\n'), indented(text)])
      expect(readOf(given)).toEqual(readSnapshot(given));
    expect(() => readOf(text.slice(0, -3))).toThrow('is cut off: the end of the snapshot is missing');
    expect(() => readOf('')).toThrow('is empty');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const indented = (given: string): string => JSON.stringify(JSON.parse(given), null, 2);

test('wherever it is cut off, that is said', () => {
  const head = text.indexOf('trueup-snapshot') + 20;
  for (let end = head; end < text.trimEnd().length - 1; end++)
    expect([end, problem(text.slice(0, end))]).toEqual([
      end,
      expect.stringMatching(/^is (cut off: the end of the snapshot is missing|a damaged snapshot: .*)$/),
    ]);
});

test.each([
  ['is empty', ''],
  ['is not JSON, so it is not a snapshot', '-- PostgreSQL database dump\nCREATE TABLE t (id int);'],
  ['is not a snapshot of Trueup', '{"format": "other", "version": 1}'],
  ['is not a snapshot of Trueup', '[]'],
  ['is not a snapshot of Trueup', 'null'],
  [
    'has format 2, and this version of Trueup reads up to 1',
    text.replace('"version": 1,\n', '"version": 2,\n'),
  ],
  ['is a damaged snapshot: its "version" is invalid', text.replace('"version": 1,\n', '"version": "1",\n')],
  ['is a damaged snapshot: it has no "taken"', text.replace('"taken"', '"token"')],
  ['is a damaged snapshot: "catalog.tables" is not a list', text.replace('"tables"', '"table"')],
  ...['eventTriggers', 'publications', 'settings', 'extensions'].map((kind) => [
    `is a damaged snapshot: item 1 of "catalog.${kind}" has missing or invalid fields`,
    text.replace(
      new RegExp(`"${kind}": \\[(\\n|\\])`),
      (_, end: string) => `"${kind}": [{}${end === ']' ? ']' : ',\n'}`,
    ),
  ]),
  ['is a damaged snapshot: it is not JSON', text.replace('"tables": [', '"tables": [[')],
  [
    'is a damaged snapshot: item 1 of "sequenceValues" has missing or invalid fields',
    text.replace('"9223372036854775807"', '9223372036854775807'),
  ],
  [
    'is a damaged snapshot: item 1 of "catalog.columns" has missing or invalid fields',
    text.replace('"type":"text"', '"typ":"text"'),
  ],
])('it %s', (message, given) => {
  expect(problem(given)).toBe(message);
});
