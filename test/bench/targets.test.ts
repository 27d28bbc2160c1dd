import { describe, expect, it } from 'vitest';
import { report } from '../../bench/report';
import type { Speed } from '../../bench/speed';
import { judge, type Results } from '../../bench/targets';
import { smallMigrations } from '../../bench/workload';

const speed = (tool: string, change: Partial<Speed['apply']> = {}): Speed => {
  const apply = { ms: 500, roundTrips: 16, msAtDelay: 900, serverMs: 250, ...change };
  return { tool, version: '1.0', apply, noop: tool.startsWith('psql') ? null : { ...apply, roundTrips: 1 } };
};

const GUARDED = {
  major: 13,
  statements: 1_000,
  commitMs: 900,
  serverMs: 2_500,
  roundTrips: 10,
  notPlanned: 0,
  without: { commitMs: 3, serverMs: 25, roundTrips: 8, notPlanned: 0 },
};

const results = (change: Partial<Results> = {}): Results => ({
  runs: [5, 3],
  migrations: 200,
  delayMs: 10,
  speed: [
    speed('trueup'),
    speed('dbmate', { msAtDelay: 18_000 }),
    speed('node-pg-migrate', { msAtDelay: 5_000 }),
    speed('psql -f', { msAtDelay: 10, serverMs: 300 }),
  ],
  stall: [
    { tool: 'trueup', readerMs: 510, writerMs: 820, heldMs: 5_000, finished: true },
    { tool: 'dbmate', readerMs: 5_010, writerMs: 5_020, heldMs: 5_000, finished: true },
  ],
  startUp: { nodeMs: 40, versionMs: 44 },
  growth: { small: 1_000, large: 10_000, compileMs: [80, 810], planMs: [1, 60] },
  planning: { major: 13, statements: 1_000, planMs: 450, bareMs: 100, largeMs: 4_500 },
  page: { findings: 500, bytes: 1_000_000, openMs: 400 },
  guarded: [GUARDED],
  ...change,
});

const missed = (change: Partial<Results>): string[] =>
  judge(results(change))
    .filter(({ met }) => !met)
    .map(({ what }) => what);

describe('the bench', () => {
  it('meets its targets, or says which it misses', () => {
    expect(missed({})).toEqual([]);
    expect(missed({ speed: [speed('trueup', { roundTrips: 51 }), ...results().speed.slice(1)] })).toEqual([
      'round trips for 200 migrations',
    ]);
    // A quarter of the best peer's time; psql, which keeps no history, is none of them.
    expect(missed({ speed: [speed('trueup', { msAtDelay: 1_251 }), ...results().speed.slice(1)] })).toEqual([
      "time at 10 ms of round trip, of the best peer's",
    ]);
    expect(missed({ speed: [speed('trueup', { serverMs: 301 }), ...results().speed.slice(1)] })).toEqual([
      "time in the server, of psql's",
    ]);
    expect(missed({ startUp: { nodeMs: 40, versionMs: 53 } })).toEqual(['start-up, of a bare `node -e 0`']);
    const slower = speed('trueup', { ms: 501, serverMs: 250 });
    expect(missed({ speed: [slower, ...results().speed.slice(1)] })).toEqual([
      "apply, of node-pg-migrate's",
      "nothing to do, of node-pg-migrate's",
    ]);
    expect(
      missed({
        stall: [{ tool: 'trueup', readerMs: 5, writerMs: 1_001, heldMs: 5_000, finished: true }],
      }),
    ).toEqual(['longest stall of the application, s']);
    expect(
      missed({ growth: { small: 1_000, large: 10_000, compileMs: [80, 8_000], planMs: [1, 60] } }),
    ).toEqual(['time to compile and plan, 10000 to 1000 migrations']);
    expect(
      missed({ planning: { major: 13, statements: 1_000, planMs: 1_600, bareMs: 300, largeMs: 16_000 } }),
    ).toEqual(['planning 1000 statements on PostgreSQL 13, s']);
    expect(missed({ guarded: [{ ...GUARDED, commitMs: 1_600, roundTrips: 11, notPlanned: 7 }] })).toEqual([
      'a guarded commit, 1000 statements on PostgreSQL 13, s',
      'the same, statements that it had no time for',
      'the same, round trips more a run',
    ]);
    expect(
      missed({ planning: { major: 13, statements: 1_000, planMs: 900, bareMs: 100, largeMs: 9_000 } }),
    ).toEqual(['the same, of a bare loop of PREPARE and EXPLAIN']);
  });

  it('leaves the target of the page out where there is no browser', () => {
    const slow = { findings: 500, bytes: 1_000_000, openMs: 1_001 };
    const target = "a browser opens an audit's page of 500 findings, s";
    expect(missed({ page: slow })).toEqual([target]);
    const without = judge(results({ page: { ...slow, openMs: null } }));
    expect(without.map(({ what }) => what)).not.toContain(target);
  });

  it('leaves the target out that needs psql where there is none', () => {
    const without = judge(results({ speed: results().speed.slice(0, 3) }));
    expect(without.map(({ what }) => what)).not.toContain("time in the server, of psql's");
  });

  it('prints tables', () => {
    const text = report(results(), judge(results()), ['A note.']);
    expect(text).toContain('trueup 1.0');
    expect(text).toContain('5.01 s, until it ended');
    expect(text).toMatch(/round trips for 200 migrations +≤ 50 +16 +met/);
    expect(text.endsWith('A note.')).toBe(true);
  });

  it('makes the same SQL for each count', () => {
    const names = smallMigrations(200).map(({ name }) => name);
    expect(new Set(names).size).toBe(200);
    expect(smallMigrations(200).flatMap(({ statements }) => statements)).toHaveLength(250);
    expect(smallMigrations(4)).toEqual(smallMigrations(200).slice(0, 4));
  });
});
