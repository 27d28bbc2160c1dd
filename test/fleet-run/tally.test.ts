/** After each wave: what came of it, and whether there is another. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type BranchResult,
  type FleetMember,
  type RunState,
  runObjectKeys,
  type TenantRow,
} from '../../lambda/contract/fleet-run';
import { readTenantResults } from '../../lambda/fleet-run/results';
import { EMPTY_REPORT, readListedMembers, writeLists } from '../../lambda/fleet-run/run';
import {
  advanceWave,
  buildRunReport,
  mergeRows,
  planRemainingWaves,
  tallyResults,
} from '../../lambda/fleet-run/tally';

const objects = new Map<string, string>();
const bucket = {
  get: async (key: string) => objects.get(key) ?? null,
  put: async (key: string, text: string) => void objects.set(key, text),
};
const logged: Record<string, unknown>[] = [];
beforeEach(() => {
  objects.clear();
  logged.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    logged.push(JSON.parse(String(text)) as Record<string, unknown>);
    return true;
  });
});
afterEach(() => void vi.restoreAllMocks());

const member = (name: string, server = 'main'): FleetMember => ({ name, database: `d_${name}`, server });
const row = (name: string, state: TenantRow['state'], change: Partial<TenantRow> = {}): TenantRow => ({
  ...member(name),
  state,
  pending: 0,
  position: '0001',
  ...change,
});
const state = (change: Partial<RunState> = {}): RunState => ({
  run: 'r',
  migrates: true,
  canaries: [],
  shares: [],
  maxFailures: 0,
  request: {} as RunState['request'],
  work: 'inspect',
  wave: 0,
  name: 'inspect',
  lists: {},
  results: 'results',
  waves: [],
  report: EMPTY_REPORT,
  go: true,
  ...change,
});

describe('what came back for each tenant', () => {
  const answered = (name: string, tenant: object) => ({
    Input: JSON.stringify({ tenant: { name } }),
    Output: JSON.stringify({
      action: 'tenant',
      tenant: { name, state: 'up to date', pending: 0, position: '0002', startedAt: '', ...tenant },
    }),
  });
  const results = (key: string, ...files: (object | null)[]): BranchResult['results'] => {
    const found = files.map((file, i) => {
      const Key = `${key}/${i}.json`;
      if (file !== null) objects.set(Key, JSON.stringify(file));
      return { Key };
    });
    objects.set(key, JSON.stringify({ ResultFiles: { SUCCEEDED: found } }));
    return { Key: key };
  };
  const told = async (branches: BranchResult[], ...members: FleetMember[]) =>
    (await readTenantResults(members, branches, bucket)).map(({ row: { database, ...rest } }) => rest);
  const none = (name: string, why: string, server = 'main') => ({
    name,
    server,
    state: 'no answer',
    pending: 0,
    position: '',
    why,
  });

  test('answers, with the place from the list and not from the answer', async () => {
    const error = { code: 'statement', message: 'no table', remedy: 'Make it.' };
    const files = [[answered('a', { state: 'failed', pending: 2, error })], [answered('b', {})]];
    const found = await readTenantResults(
      [member('a'), { ...member('b'), schema: 's' }],
      [{ server: 'main', results: results('m', ...files) }],
      bucket,
    );
    expect(found.map(({ row: each }) => each)).toEqual([
      row('a', 'failed', { pending: 2, position: '0002', why: 'No table. Make it.' }),
      row('b', 'up to date', { position: '0002', schema: 's' }),
    ]);
    expect(found[1]!.answer).toMatchObject({ name: 'b', state: 'up to date' });
  });

  test('a long error is cut', async () => {
    const error = { code: 'statement', message: 'x'.repeat(2_000), remedy: '' };
    const branch = { server: 'main', results: results('m', [answered('a', { state: 'failed', error })]) };
    const [{ why = '' } = {}] = await told([branch], member('a'));
    expect(why).toMatch(/^Xxx.*…$/);
    expect(Buffer.byteLength(why)).toBeLessThanOrEqual(400);
  });

  test.each([
    [
      { Output: '{"action":"error","error":{"code":"manifest","message":"other files","remedy":"Wait."}}' },
      'Other files. Wait.',
    ],
    [{ Output: '{"action":"status"}' }, 'its function gave no answer (unknown); see its log'],
    [{ Output: 'null' }, 'its function gave no answer (unknown); see its log'],
    [{ Error: 'Lambda.Unknown' }, 'its function gave no answer (Lambda.Unknown); see its log'],
  ])('%j', async (result, why) => {
    const file = [{ Input: JSON.stringify({ tenant: { name: 'a' } }), ...result }];
    expect(await told([{ server: 'main', results: results('m', file) }], member('a'))).toEqual([
      none('a', why),
    ]);
  });

  test.each([
    [
      'nothing says whose',
      [{ Error: 'x' }, { Error: 'x', Input: '{}' }, { Error: 'x', Input: '{"tenant":{"name":1}}' }],
    ],
    ['a file that is not there', null],
  ])('%s: the tenant was not reached', async (_, file) => {
    const branch = { server: 'main', results: results('m', file) };
    expect(await told([branch], member('a'))).toEqual([none('a', 'Step Functions did not reach it')]);
  });

  test.each([{ Key: 'not there' }, {}, null, undefined])('results %j: not reached', async (given) => {
    objects.set('empty', '{}');
    for (const found of [given, { Key: 'empty' }])
      expect(
        await told([{ server: 'main', ...(found === undefined ? {} : { results: found }) }], member('a')),
      ).toEqual([none('a', 'Step Functions did not reach it')]);
  });

  test('a map that ended early: its server’s tenants alone', async () => {
    expect(
      await told([{ server: 'eu', error: 'States.ItemReaderFailed' }], member('a'), member('a', 'eu')),
    ).toEqual([
      none('a', 'Step Functions did not reach it'),
      none('a', 'Step Functions ended its wave early (States.ItemReaderFailed)', 'eu'),
    ]);
  });
});

describe('lists of a wave', () => {
  test('one a server, and read as they were written', async () => {
    const members = [member('a'), { ...member('b'), schema: 's' }, member('c', 'eu')];
    const lists = await writeLists('r', 2, members, bucket);
    expect(lists).toEqual({ main: runObjectKeys.list('r', 2, 'main'), eu: runObjectKeys.list('r', 2, 'eu') });
    expect(JSON.parse(objects.get(lists.main!)!)).toEqual([
      { name: 'a', database: 'd_a' },
      { name: 'b', database: 'd_b', schema: 's' },
    ]);
    expect(await readListedMembers(lists, bucket)).toEqual(members);
  });
  test('one that is not there', async () => {
    await expect(readListedMembers({ main: 'x' }, bucket)).rejects.toThrow(
      "The list x is not in the fleet's bucket.",
    );
  });
});

test('what is newer takes the place of what was known', () => {
  const old = [row('a', 'behind'), row('b', 'behind')];
  const other = row('a', 'missing', { server: 'eu' });
  expect(mergeRows(old, [row('b', 'up to date'), other])).toEqual([old[0], row('b', 'up to date'), other]);
});

describe('a report', () => {
  const rows = [
    row('a', 'up to date'),
    row('b', 'failed', { why: 'No.' }),
    row('c', 'behind'),
    row('d', 'refused'),
  ];
  const told = rows.slice(0, 2).map((each) => ({ row: each }));
  const before = { name: 'canary', tenantCount: 1, migrated: 1, failed: 0 };
  const of = (change: Partial<RunState>, all = rows, wave: Parameters<typeof buildRunReport>[2] = told) =>
    buildRunReport(state({ report: { ...EMPTY_REPORT, waves: [before] }, ...change }), all, wave);

  test('of a look', () => {
    expect(of({})).toEqual({
      tenantCount: 4,
      states: { 'up to date': 1, failed: 1, behind: 1, refused: 1 },
      waves: [],
      wrong: 2,
      failures: [
        { name: 'b', server: 'main', state: 'failed', why: 'No.' },
        { name: 'd', server: 'main', state: 'refused', why: '' },
      ],
      kept: [],
      keptCount: 0,
      undoneCount: 0,
      stopped: 'blocked',
    });
  });

  test('of a wave, after those before it', () => {
    expect(of({ work: 'apply', name: 'early' })).toMatchObject({
      waves: [before, { name: 'early', tenantCount: 2, migrated: 1, failed: 1 }],
      stopped: 'failures',
    });
  });

  test.each([
    [1, 'blocked'],
    [2, null],
  ])('%i tolerated', (maxFailures, stopped) =>
    expect(of({ maxFailures })).toMatchObject({ wrong: 2, stopped }),
  );

  test('of a rollback: never stopped; what it undid and left, the first of it', () => {
    const answer = (changed: string[], kept: number) =>
      ({
        changed,
        kept: Array.from({ length: kept }, (_, i) => ({ name: `m${i}`, reason: 'no down' })),
      }) as never;
    const undone = [
      { row: row('a', 'undone'), answer: answer(['x', 'y'], 15) },
      { row: row('b', 'undone'), answer: answer(['z'], 15) },
      { row: row('c', 'no answer') },
    ];
    const report = of(
      { work: 'undo' },
      undone.map((each) => each.row),
      undone,
    );
    expect(report).toMatchObject({ waves: [], wrong: 1, stopped: null, undoneCount: 3, keptCount: 30 });
    expect(report.kept).toHaveLength(20);
    expect(report.kept[0]).toEqual({ tenant: 'a', name: 'm0', reason: 'no down' });
    expect(of({}, [], undone).undoneCount).toBe(0);
  });

  test('the first twenty failures', () => {
    const many = Array.from({ length: 30 }, (_, i) => row(`t${i}`, 'failed'));
    expect(of({}, many)).toMatchObject({ wrong: 30 });
    expect(of({}, many).failures).toHaveLength(20);
  });
});

test('the next wave, or the end', () => {
  const early = { name: 'early', lists: { main: 'e' } };
  const rest = { name: 'rest', lists: { eu: 'r' } };
  const next = advanceWave(state({ wave: 1, waves: [early, rest] }));
  expect(next).toEqual(
    state({
      work: 'apply',
      wave: 2,
      name: 'early',
      lists: early.lists,
      results: runObjectKeys.results('r', 2),
      waves: [rest],
    }),
  );
  expect(advanceWave({ ...next, waves: [] })).toEqual({ ...next, waves: [], lists: {}, go: false });
});

describe('waves of those that are behind', () => {
  const rows = Array.from({ length: 10 }, (_, i) => row(`t${i}`, 'behind'));
  const plan = { canaries: ['t3'], shares: [20] };
  const names = (given: readonly TenantRow[]) =>
    planRemainingWaves(plan, given).map(
      ({ name, members }) => [name, members.map((each) => each.name)] as const,
    );
  const all = names(rows);

  test('who is in which does not depend on who is behind', () => {
    expect(all.map(([name, members]) => [name, members.length])).toEqual([
      ['canary', 1],
      ['early', 2],
      ['rest', 7],
    ]);
    const some = rows.map((each, i) => (i % 2 === 0 ? { ...each, state: 'up to date' as const } : each));
    const behind = new Set(some.filter((each) => each.state === 'behind').map(({ name }) => name));
    expect(names(some)).toEqual(
      all
        .map(([name, members]) => [name, members.filter((each) => behind.has(each))])
        .filter(([, members]) => members!.length > 0),
    );
  });

  test('a wave in which nobody is behind is none', () => {
    expect(
      names(rows.map((each) => (each.name === 't3' ? { ...each, state: 'up to date' } : each)))[0]![0],
    ).toBe('early');
  });
});

describe('a wave has ended', () => {
  const ended = async (change: Partial<RunState>, states: Record<string, TenantRow['state']>) => {
    const members = Object.keys(states).map((name) => member(name));
    const lists = await writeLists('r', change.wave ?? 0, members, bucket);
    const file = Object.entries(states).map(([name, each]) => ({
      Output: JSON.stringify({ action: 'tenant', tenant: { name, state: each, pending: 0, position: '' } }),
    }));
    objects.set('m', JSON.stringify({ ResultFiles: { SUCCEEDED: [{ Key: 'f' }] } }));
    objects.set('f', JSON.stringify(file));
    return tallyResults(
      { ...state({ lists, ...change }), branches: [{ server: 'main', results: { Key: 'm' } }] },
      bucket,
    );
  };
  const names = (next: RunState) => next.waves.map(({ name }) => name);

  test('the look: its waves are written down, each in a place of its own', async () => {
    const next = await ended({ canaries: ['a'], shares: [30] }, { a: 'behind', b: 'behind', c: 'behind' });
    expect(next).toMatchObject({ work: 'apply', wave: 1, name: 'canary', go: true });
    expect(next.lists).toEqual({ main: runObjectKeys.list('r', 1, 'main') });
    expect(next.waves.map(({ lists }) => lists)).toEqual([
      { main: runObjectKeys.list('r', 2, 'main') },
      { main: runObjectKeys.list('r', 3, 'main') },
    ]);
    expect(JSON.parse(objects.get(runObjectKeys.state('r'))!)).toEqual(next);
    expect(JSON.parse(objects.get(runObjectKeys.tenants('r'))!)).toHaveLength(3);
    expect(logged).toContainEqual(
      expect.objectContaining({
        event: 'fleet-wave-ended',
        run: 'r',
        wave: 'inspect',
        work: 'inspect',
        states: { behind: 3 },
        wrong: 0,
        stopped: null,
        next: 'canary',
      }),
    );
  });

  test.each([
    ['a look that is to change nothing', { migrates: false }, 'behind'],
    ['something stands against one', {}, 'edited'],
    ['a proof', { work: 'verify' }, 'behind'],
    ['a rollback', { work: 'undo', waves: [{ name: 'rest', lists: {} }] }, 'behind'],
  ] as const)('%s: no wave follows', async (_, change, found) => {
    const next = await ended(change, { a: found, b: 'behind' });
    expect([next.go, names(next), next.lists]).toEqual([false, [], {}]);
    expect(logged).toContainEqual(expect.objectContaining({ event: 'fleet-wave-ended', next: null }));
  });

  test('a wave: the waves after it are those that were written down, and who was looked at before is known', async () => {
    await ended({}, { a: 'up to date', b: 'behind' });
    const rest = { name: 'rest', lists: { main: 'x' } };
    const next = await ended({ work: 'apply', wave: 1, name: 'canary', waves: [rest] }, { b: 'up to date' });
    expect(next).toMatchObject({
      name: 'rest',
      go: true,
      waves: [],
      report: { tenantCount: 2, states: { 'up to date': 2 } },
    });
  });

  test('the first wave forgets what a start before it left', async () => {
    objects.set(runObjectKeys.tenants('r'), JSON.stringify([row('old', 'failed')]));
    expect((await ended({}, { a: 'behind' })).report.tenantCount).toBe(1);
  });

  test('a wave without what was known before it', async () => {
    expect((await ended({ work: 'apply', wave: 1 }, { a: 'up to date' })).report.tenantCount).toBe(1);
  });
});
