/** What is read in the history of a fleet's run, and what is said of it, without AWS. */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { describe, expect, test } from 'vitest';
import type { Finding } from './step';
import {
  type DeniedRecording,
  judgeAtOnce,
  judgeDenied,
  judgeResults,
  type RunRecording,
  recordingOf,
} from './steps/fleet-runs';

const outcomes = (findings: readonly Finding[]) => findings.map(({ outcome }) => outcome);
const GOOD: RunRecording = {
  status: 'SUCCEEDED',
  states: { 'up to date': 2 },
  key: 'runs/map-results/0/results/5f0c/manifest.json',
  caught: null,
  errors: [],
  maps: 1,
};

const event = (id: number, type: HistoryEvent['type'], more: Partial<HistoryEvent> = {}): HistoryEvent => ({
  id,
  type,
  timestamp: undefined,
  ...more,
});

describe('a history', () => {
  const branch = (more: object) => ({
    stateExitedEventDetails: {
      name: 'Wave',
      output: JSON.stringify({ run: 'a', branches: [{ server: 'main', ...more }] }),
    },
  });

  test('of a run that came to its end', () => {
    const output = JSON.stringify({ report: { states: { 'up to date': 2 } } });
    const events = [
      event(1, 'ExecutionStarted'),
      event(2, 'MapRunStarted'),
      event(3, 'ParallelStateExited', branch({ results: { Bucket: 'b', Key: GOOD.key } })),
    ];
    expect(recordingOf({ status: 'SUCCEEDED', output }, events)).toEqual(GOOD);
  });

  test('of a map that was tried twice, and caught', () => {
    const failed = { mapRunFailedEventDetails: { error: 'States.ItemReaderFailed', cause: 'denied' } };
    const events = [
      event(1, 'MapRunStarted'),
      event(2, 'MapRunFailed', failed),
      event(3, 'MapRunStarted'),
      event(4, 'MapRunFailed', failed),
      event(5, 'ParallelStateExited', branch({ error: 'States.ItemReaderFailed' })),
    ];
    expect(recordingOf({ status: 'RUNNING' }, events)).toEqual({
      status: 'RUNNING',
      states: null,
      key: null,
      caught: 'States.ItemReaderFailed',
      errors: ['States.ItemReaderFailed', 'States.ItemReaderFailed'],
      maps: 2,
    });
  });
});

describe('the prefix of the results', () => {
  const all = { ...GOOD, states: { 'up to date': 2, 'no answer': 1 } };
  test('as assumed', () =>
    expect(outcomes(judgeResults(all, 'map-results'))).toEqual(['as-assumed', 'as-assumed']));
  test('that was not taken', () => {
    expect(outcomes(judgeResults({ ...all, key: '$.results/5f0c/manifest.json' }, 'map-results'))).toEqual([
      'otherwise',
      'as-assumed',
    ]);
    expect(outcomes(judgeResults({ ...GOOD, key: null, states: null }, 'map-results'))).toEqual([
      'otherwise',
      'otherwise',
    ]);
  });
  test('of a death that the tally does not see', () =>
    expect(outcomes(judgeResults({ ...all, states: { 'no answer': 3 } }, 'map-results'))).toEqual([
      'as-assumed',
      'otherwise',
    ]));
});

describe('a map that lacks a right', () => {
  const denied = (caught: string | null, maps = 5): RunRecording => ({ ...GOOD, caught, maps });
  const all = (each: RunRecording): DeniedRecording => ({ list: each, results: each, children: each });
  test('as assumed', () =>
    expect(
      outcomes(
        judgeDenied({
          list: denied('States.ItemReaderFailed'),
          results: denied('States.ResultWriterFailed'),
          children: denied('States.Permissions'),
        }),
      ),
    ).toEqual(Array(3).fill('as-assumed')));
  test('with an error that is not tried again', () => {
    const findings = judgeDenied(all(denied('States.Runtime', 1)));
    expect(outcomes(findings)).toEqual(Array(3).fill('otherwise'));
    expect(findings[0]!.words).toBe(
      'A map without the right to read its list ends with States.Runtime, and was tried once.',
    );
  });
  test('with an error that should have been tried again', () =>
    expect(outcomes(judgeDenied(all(denied('States.Permissions', 1))))).toEqual(Array(3).fill('otherwise')));
  test('that nobody refused', () =>
    expect(outcomes(judgeDenied(all(denied(null))))).toEqual(Array(3).fill('not-settled')));
});

describe('a run that begins as soon as its roles are made', () => {
  test('as assumed, whatever was denied before', () => {
    const [quick] = judgeAtOnce({ ...GOOD, denied: [] });
    expect(quick!.words).toMatch(/nothing was denied on the way/);
    const [slow] = judgeAtOnce({
      ...GOOD,
      denied: ['AccessDenied', 'AccessDenied'],
      errors: ['States.Permissions'],
      maps: 2,
    });
    expect(slow!.words).toMatch(/denied 2 times before that, and it met 1 error \(2 maps begun\)/);
    expect(outcomes([quick!, slow!])).toEqual(['as-assumed', 'as-assumed']);
  });
  test('otherwise', () => {
    expect(outcomes(judgeAtOnce({ ...GOOD, states: { 'no answer': 2 }, denied: [] }))).toEqual(['otherwise']);
    expect(outcomes(judgeAtOnce({ ...GOOD, status: 'FAILED', states: null, denied: [] }))).toEqual([
      'otherwise',
    ]);
  });
});
