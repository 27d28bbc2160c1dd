/** When, how often, and whether it goes on, in the words of a page. */
import { describe, expect, test } from 'vitest';
import type { LastDeployment } from '../../../lambda/contract/diagnosis';
import type { ErrorGroup } from '../../../lambda/page/logs/collect';
import {
  describeSinceDeployment,
  formatClockTime,
  formatDuration,
  formatFrequency,
  isOngoing,
} from '../../../lambda/page/logs/moments';

const FIRST = '2026-11-21T08:00:00.000Z';
const group = (change: Partial<ErrorGroup> = {}): ErrorGroup =>
  ({ count: 2, first: FIRST, last: FIRST, zone: null, ...change }) as ErrorGroup;
const after = (ms: number): string => new Date(Date.parse(FIRST) + ms).toISOString();

test.each([
  [0, '1 s'],
  [499, '1 s'],
  [1_500, '2 s'],
  [89_499, '89 s'],
  [89_500, '2 min'],
  [89 * 60_000, '89 min'],
  [90 * 60_000, '2 h'],
  [47 * 3_600_000, '47 h'],
  [48 * 3_600_000, '2 days'],
  [60 * 3_600_000, '3 days'],
])('%i ms: %s', (ms, words) => expect(formatDuration(ms)).toBe(words));

test.each([
  [1, 0, true, 'once'],
  [1, 0, false, 'at least once'],
  [49, 240_000, true, '49 times in 4 min'],
  [49, 240_000, false, 'at least 49 times in 4 min'],
])('%i in %i ms, whole: %s', (count, ms, complete, words) =>
  expect(formatFrequency(group({ count, last: after(ms) }), complete)).toBe(words),
);

test('a clock', () => {
  expect(formatClockTime('2026-11-21T08:59:29.316Z', null)).toBe('2026-11-21 08:59:29 UTC');
  expect(formatClockTime('2026-11-21T08:59:29.316Z', 'CST')).toBe('2026-11-21 08:59:29 CST');
});

test.each([
  ['just now', 0, null, true],
  ['three minutes ago', 180_000, null, true],
  ['longer ago', 180_001, null, false],
  ['in a zone that nobody knows', 0, 'CST', null],
])('goes on: the last one was %s', (_, ms, zone, ongoing) =>
  expect(isOngoing(group({ zone }), Date.parse(FIRST) + ms)).toBe(ongoing),
);
test('goes on: nobody knows of a file of some day', () => expect(isOngoing(group(), null)).toBeNull());

describe('the last deployment', () => {
  const deployment = (startedMs: number, finishedMs: number | null): LastDeployment =>
    ({
      outcome: 'done',
      startedAt: after(startedMs),
      finishedAt: finishedMs === null ? null : after(finishedMs),
    }) as LastDeployment;
  const BEGAN = 'The last deployment in the ledger (done) began at 2026-11-21';
  const ENDED = 'The last deployment in the ledger (done) ended at 2026-11-21';

  test.each([
    [1, 5, `${BEGAN} 08:00:00 UTC, after the first error.`],
    [60_000, 120_000, `${BEGAN} 08:01:00 UTC, after the first error.`],
    [0, 5, `${BEGAN} 08:00:00 UTC, 1 s before the first error.`],
    [-60_000, 1, `${BEGAN} 07:59:00 UTC, 60 s before the first error.`],
    [-60_000, null, `${BEGAN} 07:59:00 UTC, 60 s before the first error.`],
    [-60_000, 0, `${ENDED} 08:00:00 UTC, 1 s before the first error.`],
    [-120_000, -60_000, `${ENDED} 07:59:00 UTC, 60 s before the first error.`],
  ])('from %s to %s ms', (startedMs, finishedMs, words) =>
    expect(describeSinceDeployment(group(), deployment(startedMs, finishedMs))).toBe(words),
  );

  test('nothing is said where it, or the zone of the log, is not known', () => {
    expect(describeSinceDeployment(group(), null)).toBeNull();
    expect(describeSinceDeployment(group(), undefined)).toBeNull();
    expect(describeSinceDeployment(group({ zone: 'CST' }), deployment(0, 1))).toBeNull();
  });
});
