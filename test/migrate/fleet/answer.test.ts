/** What is answered for a tenant, whatever the engine says: small, and never a failure of a rollback. */
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome, ConvergeReport } from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import type { Verification } from '../../../lambda/contract/status';
import { computeNamespaceLockKey } from '../../../lambda/engine/locks/runner-lock';
import { makeFailedOutcome } from '../../../lambda/engine/on-database';
import { buildReport } from '../../../lambda/engine/plan/run-report';
import {
  answerFromApply,
  answerFromStatus,
  answerFromUndo,
  answerFromVerification,
  MAX_ANSWER_BYTES,
} from '../../../lambda/migrate/fleet/answer';
import { collectInFlight } from '../../../lambda/migrate/fleet/server';
import { manifestOf, request } from '../../support/manifest';

const asked = { name: 'é'.repeat(31), startedAt: '2026-11-22T10:00:00.000Z', timeIsUp: false };
const late = { ...asked, timeIsUp: true };
const report = (change: Partial<ConvergeReport> = {}): ConvergeReport => ({
  ...buildReport(null, null),
  ...change,
});
const error = (words: string): ErrorInfo => ({
  code: 'preflight',
  message: words,
  remedy: words,
  details: Array(50).fill(words),
});
const names = (count: number) => Array.from({ length: count }, (_, i) => `${i}_${'é"\\'.repeat(60)}`);
const size = (answer: unknown): number => Buffer.byteLength(JSON.stringify(answer));

test.each([1, 10, 1_000, 100_000])('2 KB at most, with texts of %i characters', (length) => {
  const words = 'é"'.repeat(length / 2 + 1);
  const many = report({
    applied: names(300),
    undone: names(300),
    pending: names(300),
    position: words,
    kept: names(300).map((name) => ({ name, reason: words })),
    warnings: names(300),
  });
  for (const answer of [
    answerFromApply(asked, { status: 'done', report: many }),
    answerFromApply(asked, { status: 'failed', error: error(words), report: many }),
    answerFromApply(late, { status: 'continue', progress: words, report: many }),
    answerFromUndo(asked, { status: 'done', report: many }),
    answerFromUndo(late, { status: 'continue', progress: words, waitingFor: error(words), report: many }),
    answerFromStatus(asked, { state: 'refused', pending: names(300), position: words, error: error(words) }),
  ]) {
    expect(size(answer)).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
    expect(answer.name).toBe(asked.name);
    if (answer.error) expect(answer.error.message).not.toBe('');
  }
});

test('what is small is told whole', () => {
  const told = answerFromApply(asked, {
    status: 'failed',
    error: { ...error('why'), details: ['a', 'b'] },
    report: report({ applied: ['1', '2'] }),
  });
  expect(told).toMatchObject({ state: 'failed', changed: ['1', '2'], error: { details: ['a', 'b'] } });
  const cut = answerFromUndo(asked, {
    status: 'done',
    report: report({ kept: names(9).map((name) => ({ name, reason: 'x' })) }),
  });
  expect(cut.kept?.at(-1)).toEqual({ name: '*', reason: expect.stringMatching(/^and \d more$/) });
});

describe('a slice of a migration', () => {
  const fields = { name: asked.name, startedAt: asked.startedAt, position: '' };
  const waiting = error('a lock');

  test('done: nothing is pending, whatever the report says', () => {
    const { changed, ...told } = answerFromApply(asked, {
      status: 'done',
      report: report({ baselined: ['1'], applied: ['2'], pending: ['3'] }),
    });
    expect(told).toEqual({ ...fields, state: 'up to date', pending: 0 });
    expect(changed).toEqual(['1', '2']);
    expect(answerFromApply(asked, { status: 'done', report: report() })).not.toHaveProperty('changed');
  });

  test('goes on while there is time; then why it did not', () => {
    const outcome = { status: 'continue', progress: 'batch 3', report: report({ pending: ['3'] }) } as const;
    expect(answerFromApply(asked, outcome)).toEqual({ ...fields, state: 'continue', pending: 1 });
    expect(answerFromApply(late, outcome)).toEqual({
      ...fields,
      state: 'failed',
      pending: 1,
      error: {
        code: 'busy',
        message: 'the time limit of the tenant was reached: batch 3',
        remedy:
          'Deploy again to continue, or give it more time (tenantTimeout). The ledger records what is done.',
      },
    });
    expect(answerFromApply(late, { ...outcome, waitingFor: waiting })).toMatchObject({
      state: 'failed',
      error: waiting,
    });
  });
});

describe('a proof of a tenant that is up to date', () => {
  const answer = { ...asked, state: 'up to date', pending: 0, position: '2' } as const;
  const proof = (change: Partial<Verification>) =>
    answerFromVerification(answer, { findings: [], errors: [], ...change } as Verification);

  test('all is there', () => expect(proof({})).toBe(answer));

  test('something is gone', () => {
    const findings = ['table a is missing', 'table b is missing'].map((sentence) => ({
      migration: '1',
      sentence,
    }));
    expect(proof({ findings, errors: [error('x')] })).toEqual({
      ...answer,
      state: 'drifted',
      error: {
        code: 'verification',
        migration: '1',
        message: 'the database no longer has what the applied migrations created',
        remedy: 'Restore it with a new migration, or manually.',
        details: ['table a is missing', 'table b is missing'],
      },
    });
  });

  test('it cannot be asked', () => {
    const why = { code: 'privilege', message: 'no right', remedy: 'Grant it.' } as const;
    expect(proof({ errors: [why, error('x')] })).toEqual({ ...answer, state: 'drifted', error: why });
  });
});

test('why a tenant stands where it does', () => {
  const why = { code: 'ownership', message: 'another stack', remedy: 'Ask.' } as const;
  expect(
    answerFromStatus(asked, { state: 'foreign', pending: ['1'], position: '', error: why }),
  ).toMatchObject({
    state: 'foreign',
    pending: 1,
    error: why,
  });
});

describe('what is shortened, and how', () => {
  const failed = (change: Partial<ErrorInfo>, applied: string[] = []) =>
    answerFromApply(asked, {
      status: 'failed',
      error: { code: 'statement', message: 'm', remedy: 'r', sqlstate: '42P01', ...change },
      report: report({ applied }),
    });
  const texts = (count: number, length: number) =>
    Array.from({ length: count }, (_, i) => `${i}`.padEnd(length, 'x'));

  test('names first: the newest five', () => {
    expect(failed({}, texts(300, 10)).changed).toEqual(texts(300, 10).slice(-5));
  });

  test('what is kept: the first five, and how many more', () => {
    const of = (count: number) =>
      answerFromUndo(asked, {
        status: 'done',
        report: report({ kept: texts(count, 60).map((name) => ({ name, reason: 'r'.repeat(400) })) }),
      }).kept!;
    expect(of(5)).toHaveLength(5);
    expect(of(5)[0]!.reason).toBe(`${'r'.repeat(199)}…`);
    expect(of(9)).toHaveLength(6);
    expect(of(9)[5]).toEqual({ name: '*', reason: 'and 4 more' });
  });

  test('then details: three, each cut', () => {
    expect(failed({ details: [...texts(2, 160), ...texts(9, 400)] }).error?.details).toEqual([
      ...texts(2, 160),
      `${'0'.padEnd(159, 'x')}…`,
    ]);
  });

  test('then the sentences, and no details', () => {
    const { error: told } = failed({ message: 'm'.repeat(3_000), remedy: 'r'.repeat(300), details: ['d'] });
    expect(told).toEqual({
      code: 'statement',
      message: `${'m'.repeat(499)}…`,
      remedy: 'r'.repeat(300),
      sqlstate: '42P01',
    });
  });

  test('at last the newest name alone, and a few words', () => {
    const quote = (length: number) => '"'.repeat(length);
    const told = failed({ message: quote(3_000), remedy: quote(3_000), migration: quote(900) }, [
      'a',
      `b${quote(300)}`,
    ]);
    expect(told.changed).toEqual([`b${quote(98)}…`]);
    expect(told.error).toEqual({
      code: 'statement',
      message: `${quote(149)}…`,
      remedy: `${quote(99)}…`,
      sqlstate: '42P01',
    });
    expect(
      failed({ message: quote(3_000), migration: quote(900), sqlstate: undefined as never }).error,
    ).not.toHaveProperty('sqlstate');
  });
});

describe('a rollback', () => {
  const outcomes: readonly [string, ConvergeOutcome, string | undefined][] = [
    ['nothing to undo', { status: 'done', report: report() }, undefined],
    [
      'a warning about a file that is gone',
      {
        status: 'done',
        report: report({ warnings: ['0001_x is applied, but its file is missing; it stays applied'] }),
      },
      undefined,
    ],
    [
      'an error',
      makeFailedOutcome(request(manifestOf(), { direction: 'rollback' }), error('no right')),
      'no right',
    ],
    [
      'time',
      { status: 'continue', progress: 'another runner', report: report() },
      'not reached: another runner',
    ],
    ['a refusal', { status: 'failed', error: error('no'), report: report() }, 'no'],
  ];
  test.each(outcomes)('%s', (_, outcome, reason) => {
    const answer = answerFromUndo(late, outcome);
    expect(answer.state).toBe('undone');
    expect(answer.kept).toEqual(reason === undefined ? undefined : [{ name: '*', reason }]);
  });

  test('goes on while there is time', () => {
    expect(answerFromUndo(asked, { status: 'continue', progress: '', report: report() }).state).toBe(
      'continue',
    );
  });
});

test('tenants in flight: of this fleet by the lock, by the name where that was cut off, or not known', () => {
  const runner = (namespace: string, keys = [namespace]) => ({
    database: 'shop',
    application_name: `trueup ${namespace}`.slice(0, 63),
    keys: keys.map((key) => BigInt.asUintN(64, computeNamespaceLockKey(key)).toString()),
  });
  const long = `crm/${'x'.repeat(63)}`;
  const rows = [
    runner('crm'),
    runner('crm/acme'),
    runner(long),
    runner('crm/installs', []),
    runner('crmx/acme'),
    runner('other'),
    { database: 'shop', application_name: 'trueup', keys: [] },
    { database: 'shop', application_name: '', keys: ['7'] },
  ];
  expect(collectInFlight(rows, 'crm')).toEqual({
    count: 6,
    first: ['crm', 'crm/acme', null, null, null, null].map((namespace) => ({ database: 'shop', namespace })),
  });
  expect(collectInFlight(Array(30).fill(runner('crm/a')), 'crm')).toMatchObject({
    count: 30,
    first: { length: 10 },
  });
});
