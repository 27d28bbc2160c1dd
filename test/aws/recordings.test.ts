/**
 * What `npm run test:aws` has recorded in an account, if anybody has committed it: the stand-ins of the other tests, and the
 * judgements, are held to it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { describe, expect, it, test } from 'vitest';
import { compileFilterPattern } from '../support/filter-pattern';
import { QUERY_INTERVAL_MS } from './apps/small';
import { judgeClocks, judgeNested, judgePolls, judgeRollback, judgeWaiting } from './judge';
import { fingerprint, libraryPatterns, sampleEvents } from './patterns';
import { RECORDING_SCHEMA, RECORDINGS, type Recording } from './recording';
import { leaks } from './scrub';
import type { Finding } from './step';
import { STEPS } from './steps';
import type { AttemptRecording } from './steps/deployments';
import { type EngineParametersRecording, refusals } from './steps/engine-parameters';
import type { FilterPatternsRecording } from './steps/filter-patterns';
import {
  type AtOnceRecording,
  type DeniedRecording,
  judgeAtOnce,
  judgeDenied,
  judgeResults,
  type RunRecording,
} from './steps/fleet-runs';
import { judgeStopped, type MapRecording } from './steps/map-stopped';

const files = existsSync(RECORDINGS) ? readdirSync(RECORDINGS).filter((name) => name.endsWith('.json')) : [];
const text = (file: string): string => readFileSync(join(RECORDINGS, file), 'utf8');
const recorded = <Data>(step: string): Recording<Data> | null =>
  files.includes(`${step}.json`) ? (JSON.parse(text(`${step}.json`)) as Recording<Data>) : null;
/** A test that needs a recording, skipped where there is none. */
const given = <Data>(step: string, name: string, check: (data: Data) => void | Promise<void>): void => {
  const recording = recorded<Data>(step);
  it.skipIf(recording === null)(`${step}: ${name}`, () => check(recording!.data));
};

const valid = new Ajv().compile(RECORDING_SCHEMA);

test('a recording has a frame, and comes from AWS', () => {
  const frame = {
    step: 'late-failure',
    source: 'aws',
    recordedOn: '2026-11-22',
    region: 'eu-west-1',
    data: {},
  };
  expect(valid(frame)).toBe(true);
  expect(valid({ ...frame, account: '123456789012' })).toBe(false);
  for (const file of files) {
    const recording = JSON.parse(text(file)) as Recording<unknown>;
    expect(valid(recording), file).toBe(true);
    expect(recording.source, `${file} was recorded with a local AWS: do not commit it`).toBe('aws');
    expect(`${recording.step}.json`).toBe(file);
    expect(STEPS.map(({ id }) => id)).toContain(recording.step);
  }
});

test('none holds anything that names an account, a host or a request', () => {
  for (const file of files) expect(leaks(text(file), { words: {} }), file).toEqual([]);
});

describe('held to what was recorded', () => {
  given<FilterPatternsRecording>(
    'filter-patterns',
    'our reading of the patterns',
    async ({ events, patterns }) => {
      const known = new Set(events);
      const lines = (await sampleEvents()).filter((event) => known.has(fingerprint(event)));
      const ours = new Set(libraryPatterns().map(({ pattern }) => pattern));
      for (const { use, pattern, matches } of patterns.filter((each) => ours.has(each.pattern))) {
        const matching = lines.filter(compileFilterPattern(pattern)).map(fingerprint).sort();
        const wanted = lines
          .map(fingerprint)
          .filter((each) => matches.includes(each))
          .sort();
        expect(matching, use).toEqual(wanted);
      }
    },
  );
  given<EngineParametersRecording>('engine-parameters', 'the settings', (families) => {
    for (const [family, parameters] of Object.entries(families))
      if (parameters) expect(refusals(family, Number(/\d+$/.exec(family)![0]), parameters)).toEqual([]);
  });
  given<AttemptRecording>('late-failure', "the events, and Trueup's reading of them", (attempt) => {
    const findings = [
      ...judgeRollback(attempt),
      judgeWaiting(attempt),
      judgeClocks(attempt),
      judgePolls(attempt, QUERY_INTERVAL_MS),
      judgeNested(attempt.nested),
    ];
    expect(findings.filter(({ outcome }) => outcome === 'otherwise')).toEqual([]);
  });
  given<MapRecording>('map-stopped', 'what a stop does', (recording) => {
    expect(judgeStopped(recording).filter(({ outcome }) => outcome === 'otherwise')).toEqual([]);
  });
  const none = (findings: readonly Finding[]) =>
    expect(findings.filter(({ outcome }) => outcome === 'otherwise')).toEqual([]);
  given<RunRecording>('map-results', "where a map's results lie", (recording) =>
    none(judgeResults(recording, 'map-results')),
  );
  given<DeniedRecording>('map-denied', 'what a map without a right ends with', (recording) =>
    none(judgeDenied(recording)),
  );
  given<AtOnceRecording>('rights-at-once', 'a run that begins as soon as it may', (recording) =>
    none(judgeAtOnce(recording)),
  );
});
