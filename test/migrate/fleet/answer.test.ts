/** What is answered for a tenant, whatever the engine says: small, and never a failure of a rollback. */
import { describe, expect, test } from 'vitest';
import type { Outcome, Report } from '../../../lambda/contract/converge';
import type { ErrorInfo } from '../../../lambda/contract/errors';
import { namespaceLock } from '../../../lambda/engine/locks/runner-lock';
import { ended } from '../../../lambda/engine/on-database';
import { reportOf } from '../../../lambda/engine/plan/report';
import { MOST_BYTES, ofApply, ofStanding, ofUndo } from '../../../lambda/migrate/fleet/answer';
import { inFlight } from '../../../lambda/migrate/fleet/server';
import { manifestOf, request } from '../../support/manifest';

const asked = { name: 'é'.repeat(31), startedAt: '2026-11-22T10:00:00.000Z', timeIsUp: false };
const late = { ...asked, timeIsUp: true };
const report = (change: Partial<Report> = {}): Report => ({ ...reportOf(null, null), ...change });
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
    ofApply(asked, { status: 'done', report: many }),
    ofApply(asked, { status: 'failed', error: error(words), report: many }),
    ofApply(late, { status: 'continue', progress: words, report: many }),
    ofUndo(asked, { status: 'done', report: many }),
    ofUndo(late, { status: 'continue', progress: words, waitingFor: error(words), report: many }),
    ofStanding(asked, { state: 'refused', pending: names(300), position: words, error: error(words) }),
  ]) {
    expect(size(answer)).toBeLessThanOrEqual(MOST_BYTES);
    expect(answer.name).toBe(asked.name);
    if (answer.error) expect(answer.error.message).not.toBe('');
  }
});

test('what is small is told whole', () => {
  const told = ofApply(asked, {
    status: 'failed',
    error: { ...error('why'), details: ['a', 'b'] },
    report: report({ applied: ['1', '2'] }),
  });
  expect(told).toMatchObject({ state: 'failed', changed: ['1', '2'], error: { details: ['a', 'b'] } });
  const cut = ofUndo(asked, {
    status: 'done',
    report: report({ kept: names(9).map((name) => ({ name, reason: 'x' })) }),
  });
  expect(cut.kept?.at(-1)).toEqual({ name: '*', reason: expect.stringMatching(/^and \d more$/) });
});

describe('a rollback', () => {
  const outcomes: readonly [string, Outcome, string | undefined][] = [
    ['nothing to undo', { status: 'done', report: report() }, undefined],
    [
      'a warning about a file that is gone',
      {
        status: 'done',
        report: report({ warnings: ['0001_x is applied, but its file is gone; it stays applied'] }),
      },
      undefined,
    ],
    ['an error', ended(request(manifestOf(), { direction: 'rollback' }), error('no right')), 'no right'],
    [
      'time',
      { status: 'continue', progress: 'another runner', report: report() },
      'not reached: another runner',
    ],
    ['a refusal', { status: 'failed', error: error('no'), report: report() }, 'no'],
  ];
  test.each(outcomes)('%s', (_, outcome, reason) => {
    const answer = ofUndo(late, outcome);
    expect(answer.state).toBe('undone');
    expect(answer.kept).toEqual(reason === undefined ? undefined : [{ name: '*', reason }]);
  });

  test('goes on while there is time', () => {
    expect(ofUndo(asked, { status: 'continue', progress: '', report: report() }).state).toBe('continue');
  });
});

test('tenants in flight: of this fleet by the lock, by the name where that was cut off, or not known', () => {
  const runner = (namespace: string, keys = [namespace]) => ({
    database: 'shop',
    application_name: `trueup ${namespace}`.slice(0, 63),
    keys: keys.map((key) => BigInt.asUintN(64, namespaceLock(key)).toString()),
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
  expect(inFlight(rows, 'crm')).toEqual({
    count: 6,
    first: ['crm', 'crm/acme', null, null, null, null].map((namespace) => ({ database: 'shop', namespace })),
  });
  expect(inFlight(Array(30).fill(runner('crm/a')), 'crm')).toMatchObject({
    count: 30,
    first: { length: 10 },
  });
});
