/** What a page is about, whether somebody is woken for it, and how it is called. */
import { describe, expect, test } from 'vitest';
import type { Diagnosis } from '../../../lambda/contract/diagnosis';
import { findSignature } from '../../../lambda/defects/signatures';
import { ALARM_TEST_TABLE } from '../../../lambda/defects/signatures/alarm-test';
import {
  findTitle,
  formatLoggedName,
  formatSubjectName,
  isAlarmTest,
  listPossibleKinds,
  needsPage,
  toDiagnosisRequest,
  truncateText,
} from '../../../lambda/page/document/diagnosed-error';
import { buildInsightsUrl } from '../../../lambda/page/document/links';
import type { ErrorGroup } from '../../../lambda/page/logs/collect';

const QUESTION = {
  signature: 'not-null',
  database: 'shop',
  user: 'app',
  table: 'orders',
  column: 'id',
  constraint: null,
  message: 'words',
  statement: 'INSERT',
};
const LAST = '2026-11-21T09:03:10.000Z';
const group = (change: Partial<ErrorGroup> = {}): ErrorGroup =>
  ({
    ...QUESTION,
    sqlstate: '23502',
    last: LAST,
    zone: null,
    count: 1,
    logGroup: 'rds',
    ...change,
  }) as ErrorGroup;
const finding = (change: Partial<ErrorGroup> = {}, diagnosis: Partial<Diagnosis> = {}) => ({
  group: group(change),
  diagnosis: { kind: null, subject: null, verdict: 'unknown', ...diagnosis } as Diagnosis,
});

test('what is asked of the catalog, without a moment that nobody can place', () => {
  expect(toDiagnosisRequest(group())).toEqual({ ...QUESTION, last: LAST });
  expect(toDiagnosisRequest(group({ zone: 'CST' }))).toEqual(QUESTION);
});

test('everyday words wake nobody until a defect is behind them, or for a test', () => {
  const everyday = { signature: 'duplicate-key' };
  expect(needsPage(finding())).toBe(true);
  expect(needsPage(finding({ signature: 'unheard' }))).toBe(true);
  expect(needsPage(finding(everyday))).toBe(false);
  expect(needsPage(finding(everyday, { verdict: 'application' }))).toBe(false);
  expect(needsPage(finding(everyday, { verdict: 'schema' }))).toBe(true);
  expect(needsPage(finding({ ...everyday, table: ALARM_TEST_TABLE }))).toBe(true);
});

test.each([
  [{ table: ALARM_TEST_TABLE }, true],
  [{ constraint: `${ALARM_TEST_TABLE}_pkey` }, true],
  [{ statement: `INSERT INTO ${ALARM_TEST_TABLE}` }, true],
  [{}, false],
])('%j is a test: %s', (change, expected) => expect(isAlarmTest(group(change))).toBe(expected));

describe('kinds and titles', () => {
  test('that of the diagnosis, else all of the words', () => {
    const named = finding({}, { kind: 'missing-primary-key-default' });
    expect(listPossibleKinds(named).map(({ id }) => id)).toEqual(['missing-primary-key-default']);
    expect(findTitle(named)).toBe(listPossibleKinds(named)[0]!.title);
    expect(listPossibleKinds(finding()).length).toBeGreaterThan(1);
    expect(findTitle(finding())).toBe(findSignature('not-null')!.title);
    expect(listPossibleKinds(finding({ signature: 'unheard' }))).toEqual([]);
    expect(findTitle(finding({ signature: 'unheard' }))).toBe('unheard');
  });
});

describe('names', () => {
  test.each<[Partial<ErrorGroup>, string]>([
    [{}, 'orders.id'],
    [{ column: null, constraint: 'orders_pkey' }, 'orders.orders_pkey'],
    [{ column: null }, 'orders'],
    [{ table: null, column: null, constraint: 'c' }, 'c'],
    [{ table: null, column: null }, 'INSERT'],
    [{ table: null, column: null, statement: null }, '23502'],
    [
      { table: null, column: null, statement: `${'a'.repeat(60)}${'b'.repeat(60)}` },
      `${'a'.repeat(50)} … ${'b'.repeat(50)}`,
    ],
  ])('%j', (change, name) => {
    expect(formatLoggedName(group(change))).toBe(name);
    expect(formatSubjectName(finding(change))).toBe(name);
    expect(formatSubjectName(finding(change, { subject: 'public.orders.id' }))).toBe('public.orders.id');
  });

  test('as long as allowed is whole', () => {
    expect(truncateText('abcd', 4)).toBe('abcd');
    expect(truncateText('abcde', 4)).toBe('ab … de');
  });
});

test.each([
  ['eu-west-1', 'eu-west-1.console.aws.amazon.com'],
  ['cn-north-1', 'cn-north-1.console.amazonaws.cn'],
  ['us-gov-west-1', 'us-gov-west-1.console.amazonaws-us-gov.com'],
])('Logs Insights of %s', (region, host) => {
  const url = buildInsightsUrl({
    region,
    logGroups: ['/a/b', 'c'],
    fromMs: 0,
    toMs: 1_000,
    phrase: 'x\ty "z"',
  });
  expect(url).toBe(
    `https://${host}/cloudwatch/home?region=${region}#logsV2:logs-insights$3FqueryDetail$3D` +
      "~(end~'1970-01-01T00*3a00*3a01.000Z~start~'1970-01-01T00*3a00*3a00.000Z~timeType~'ABSOLUTE~tz~'UTC" +
      "~editorString~'filter*20*40message*20like*20*22x*09y*20*22z*22*22~source~(~'*2fa*2fb~'c))",
  );
});
