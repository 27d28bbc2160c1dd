/** What a page is about, whether somebody is woken for it, and how it is called. */
import { describe, expect, test } from 'vitest';
import type { Diagnosis } from '../../../lambda/contract/diagnosis';
import { signatureOf } from '../../../lambda/defects/signatures';
import { ALARM_TEST_TABLE } from '../../../lambda/defects/signatures/alarm-test';
import {
  isPaged,
  isTest,
  kindsFor,
  nameIn,
  questionOf,
  shortened,
  subjectNameOf,
  titleOf,
} from '../../../lambda/page/document/finding';
import { insightsUrl } from '../../../lambda/page/document/links';
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

test('what is asked of the catalogue, without a moment that nobody can place', () => {
  expect(questionOf(group())).toEqual({ ...QUESTION, last: LAST });
  expect(questionOf(group({ zone: 'CST' }))).toEqual(QUESTION);
});

test('everyday words wake nobody until a defect is behind them, or for a test', () => {
  const everyday = { signature: 'duplicate-key' };
  expect(isPaged(finding())).toBe(true);
  expect(isPaged(finding({ signature: 'unheard' }))).toBe(true);
  expect(isPaged(finding(everyday))).toBe(false);
  expect(isPaged(finding(everyday, { verdict: 'application' }))).toBe(false);
  expect(isPaged(finding(everyday, { verdict: 'schema' }))).toBe(true);
  expect(isPaged(finding({ ...everyday, table: ALARM_TEST_TABLE }))).toBe(true);
});

test.each([
  [{ table: ALARM_TEST_TABLE }, true],
  [{ constraint: `${ALARM_TEST_TABLE}_pkey` }, true],
  [{ statement: `INSERT INTO ${ALARM_TEST_TABLE}` }, true],
  [{}, false],
])('%j is a test: %s', (change, expected) => expect(isTest(group(change))).toBe(expected));

describe('kinds and titles', () => {
  test('that of the diagnosis, else all of the words', () => {
    const named = finding({}, { kind: 'missing-id-default' });
    expect(kindsFor(named).map(({ id }) => id)).toEqual(['missing-id-default']);
    expect(titleOf(named)).toBe(kindsFor(named)[0]!.title);
    expect(kindsFor(finding()).length).toBeGreaterThan(1);
    expect(titleOf(finding())).toBe(signatureOf('not-null')!.title);
    expect(kindsFor(finding({ signature: 'unheard' }))).toEqual([]);
    expect(titleOf(finding({ signature: 'unheard' }))).toBe('unheard');
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
    expect(nameIn(group(change))).toBe(name);
    expect(subjectNameOf(finding(change))).toBe(name);
    expect(subjectNameOf(finding(change, { subject: 'public.orders.id' }))).toBe('public.orders.id');
  });

  test('as long as allowed is whole', () => {
    expect(shortened('abcd', 4)).toBe('abcd');
    expect(shortened('abcde', 4)).toBe('ab … de');
  });
});

test.each([
  ['eu-west-1', 'eu-west-1.console.aws.amazon.com'],
  ['cn-north-1', 'cn-north-1.console.amazonaws.cn'],
  ['us-gov-west-1', 'us-gov-west-1.console.amazonaws-us-gov.com'],
])('Logs Insights of %s', (region, host) => {
  const url = insightsUrl({ region, logGroups: ['/a/b', 'c'], fromMs: 0, toMs: 1_000, phrase: 'x\ty "z"' });
  expect(url).toBe(
    `https://${host}/cloudwatch/home?region=${region}#logsV2:logs-insights$3FqueryDetail$3D` +
      "~(end~'1970-01-01T00*3a00*3a01.000Z~start~'1970-01-01T00*3a00*3a00.000Z~timeType~'ABSOLUTE~tz~'UTC" +
      "~editorString~'filter*20*40message*20like*20*22x*09y*20*22z*22*22~source~(~'*2fa*2fb~'c))",
  );
});
