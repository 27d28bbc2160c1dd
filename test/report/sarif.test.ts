import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ReportItem } from '../../lib/report/item';
import { AUDIT_RULES, CHECK_RULES } from '../../lib/report/rules';
import { buildSarifLog } from '../../lib/report/sarif';
import { isValidSarif, validSarif } from './sarif';

const item = (change: Partial<ReportItem> = {}): ReportItem => ({
  rule: 'drop-column',
  level: 'error',
  message: 'DROP COLUMN removes note',
  remedy: 'Say so.',
  file: 'db/0001_a.sql',
  line: 3,
  column: 7,
  object: null,
  ...change,
});
const check = { command: 'check', version: '0.1.0', rules: CHECK_RULES };

test('the schema refuses what is not SARIF', () => {
  const log = buildSarifLog([item()], check);
  expect(isValidSarif({ ...log, version: '2.0.0' })).toBe(false);
  expect(isValidSarif({ ...log, runs: [{ ...log.runs[0], results: [{ level: 'bad' }] }] })).toBe(false);
});

test('findings, their rules and their places', () => {
  const log = validSarif(
    buildSarifLog(
      [
        item(),
        item({ line: 9, column: 1, message: 'DROP COLUMN removes age' }),
        item({ rule: 'syntax', line: null, column: null, level: 'warning' }),
      ],
      { ...check, docsUrl: 'https://example.com/docs/' },
    ),
  );
  const [run] = log.runs;
  expect(run!.tool.driver.rules).toEqual([
    expect.objectContaining({
      id: 'drop-column',
      helpUri: 'https://example.com/docs/rules-destroys.md#drop-column',
      shortDescription: { text: 'DROP COLUMN deletes the value of every row.' },
    }),
    expect.objectContaining({ id: 'syntax' }),
  ]);
  expect(run!.results!.map(({ ruleId, ruleIndex, level }) => [ruleId, ruleIndex, level])).toEqual([
    ['drop-column', 0, 'error'],
    ['drop-column', 0, 'error'],
    ['syntax', 1, 'warning'],
  ]);
  expect(run!.results![0]!.locations).toEqual([
    {
      physicalLocation: {
        artifactLocation: { uri: 'db/0001_a.sql', uriBaseId: '%SRCROOT%' },
        region: { startLine: 3, startColumn: 7 },
      },
    },
  ]);
  expect(run!.results![2]!.locations![0]!.physicalLocation).not.toHaveProperty('region');
});

test('nothing found, an object of a database, no address for the pages', () => {
  validSarif(buildSarifLog([], check));
  const log = validSarif(
    buildSarifLog(
      [item({ rule: 'missing-index', file: null, line: null, column: null, object: 'public.orders' })],
      {
        ...check,
        command: 'audit',
        rules: AUDIT_RULES,
      },
    ),
  );
  expect(log.runs[0]!.tool.driver.rules![0]).not.toHaveProperty('helpUri');
  expect(log.runs[0]!.results![0]!.locations).toEqual([
    { logicalLocations: [{ fullyQualifiedName: 'public.orders' }] },
  ]);
});

test('a finding is the same when only its line changes, and two of one file are two', () => {
  const prints = (...items: ReportItem[]) =>
    buildSarifLog(items, check).runs[0]!.results!.map((each) => each.partialFingerprints!['trueup/v1']);
  const [first] = prints(item());
  expect(prints(item({ line: 80 }))).toEqual([first]);
  expect(prints(item({ file: 'other.sql' }))).not.toEqual([first]);
  expect(new Set(prints(item(), item())).size).toBe(2);
});

test('hostile names stay a path and a text', () => {
  const log = validSarif(
    buildSarifLog(
      [
        item({
          file: 'db/a b#?%\n\ud800.sql',
          message: 'see [here](https://evil.example) \u202e{0}',
          object: 'x\u0007',
        }),
      ],
      check,
    ),
  );
  const [result] = log.runs[0]!.results!;
  const [place] = result!.locations!;
  expect(place!.physicalLocation!.artifactLocation!.uri).toBe('db/a%20b%23%3F%25%0A%EF%BF%BD.sql');
  expect(result!.message.text).toBe('see [here] (https://evil.example) \\u{202e}{0}\nSay so.');
  expect(place!.logicalLocations).toEqual([{ fullyQualifiedName: 'x\\u{7}' }]);
});

test('every rule names a page, and a heading of it, that is there', () => {
  const docs = join(__dirname, '../../docs');
  for (const [id, { title, page }] of [...CHECK_RULES, ...AUDIT_RULES]) {
    const [file, heading] = page.split('#');
    expect(existsSync(join(docs, file!)), `${id}: ${page}`).toBe(true);
    if (heading !== undefined) expect(readFileSync(join(docs, file!), 'utf8')).toContain(`\n## ${heading}\n`);
    expect(title).toMatch(/\S/);
  }
});
