/** After each wave: what came of it, and whether there is another. */
import type {
  FleetMember,
  Lists,
  RunReport,
  RunState,
  TallyRequest,
  TenantRow,
  WaveResult,
} from '../contract/fleet-run';
import { keys } from '../contract/fleet-run';
import { wavesOf } from '../fleet/waves';
import { log } from '../log';
import type { Bucket } from './outbound';
import { isWrong, type Told, toldBy } from './results';
import { placeOf, readTargetsOf, startedBy, writeLists } from './run';

/** Named in a report; the rest are counted. */
const NAMED = 20;

export async function tally(request: TallyRequest, bucket: Bucket): Promise<RunState> {
  const { branches, ...state } = request;
  const members = await readTargetsOf(state.lists, bucket);
  const told = await toldBy(members, branches, bucket);
  const before = state.wave === 0 ? [] : await rowsBefore(state.run, bucket);
  const rows = merged(
    before,
    told.map(({ row }) => row),
  );
  const report = reportOf(state, rows, told);
  const goesOn = report.stopped === null && state.work !== 'undo';
  const waves =
    state.work === 'look' && goesOn && state.migrates ? await writeWaves(state, rows, bucket) : state.waves;
  const next = advance({ ...state, waves: goesOn ? waves : [], report });
  await bucket.put(keys.tenants(state.run), JSON.stringify(rows));
  await bucket.put(keys.state(state.run), JSON.stringify(next));
  log('fleet-wave', {
    run: state.run,
    wave: state.name,
    work: state.work,
    states: report.states,
    wrong: report.wrong,
    stopped: report.stopped,
    next: next.go ? next.name : null,
  });
  if (!next.go) logEnd(next, told);
  return next;
}

/**
 * Alarms match this line: after `waitFor: 'canary'` nobody waits for the end. A newer deployment changes the code under a run
 * before it stops it, and what the run then sees is no failure: `superseded`.
 */
function logEnd({ run, request, report }: RunState, told: readonly Told[]): void {
  const otherCode = told.some(
    ({ answer, manifestHash = request.manifestHash }) =>
      manifestHash !== request.manifestHash || answer?.error?.code === 'manifest',
  );
  log('fleet-run', {
    run,
    by: startedBy(run),
    outcome: report.stopped === null ? 'done' : otherCode ? 'superseded' : 'stopped',
    ...(report.stopped === null ? {} : { stopped: report.stopped }),
    states: report.states,
    wrong: report.wrong,
    failures: report.failures,
  });
}

async function rowsBefore(run: string, bucket: Bucket): Promise<TenantRow[]> {
  return JSON.parse((await bucket.get(keys.tenants(run))) ?? '[]') as TenantRow[];
}

/** What is newer takes the place of what was known. */
export function merged(before: readonly TenantRow[], now: readonly TenantRow[]): TenantRow[] {
  const rows = new Map(before.map((row) => [placeOf(row), row]));
  for (const row of now) rows.set(placeOf(row), row);
  return [...rows.values()];
}

/** Pure. @param rows of all tenants. @param told of this wave's */
export function reportOf(state: RunState, rows: readonly TenantRow[], told: readonly Told[]): RunReport {
  const states: Record<string, number> = {};
  for (const row of rows) states[row.state] = (states[row.state] ?? 0) + 1;
  const wrong = rows.filter(isWrong);
  const kept = told.flatMap(({ row, answer }) =>
    (answer?.kept ?? []).map((each) => ({ tenant: row.name, ...each })),
  );
  const wave: WaveResult = {
    name: state.name,
    targets: told.length,
    migrated: told.filter(({ row }) => row.state === 'at version').length,
    failed: told.filter(({ row }) => isWrong(row)).length,
  };
  const tooMany = state.work !== 'undo' && wrong.length > state.tolerated;
  return {
    targets: rows.length,
    states,
    waves: state.work === 'apply' ? [...state.report.waves, wave] : [],
    wrong: wrong.length,
    failures: wrong
      .slice(0, NAMED)
      .map(({ name, server, state: is, why = '' }) => ({ name, server, state: is, why })),
    kept: kept.slice(0, NAMED),
    keptCount: kept.length,
    undoneCount:
      state.work === 'undo' ? told.reduce((sum, { answer }) => sum + (answer?.changed?.length ?? 0), 0) : 0,
    stopped: tooMany ? (state.work === 'apply' ? 'failures' : 'blocked') : null,
  };
}

/** Pure. The next wave, or the end. */
export function advance(state: RunState): RunState {
  const [next, ...waves] = state.waves;
  if (!next) return { ...state, waves: [], lists: {}, go: false };
  const wave = state.wave + 1;
  return {
    ...state,
    work: 'apply',
    wave,
    name: next.name,
    lists: next.lists,
    results: keys.results(state.run, wave),
    waves,
    go: true,
  };
}

/** Pure: the waves of those that are behind. Who is in which follows from all of them, so it is the same in the next run. */
export function wavesBehind(
  state: Pick<RunState, 'canaries' | 'shares'>,
  rows: readonly TenantRow[],
): { readonly name: string; readonly members: readonly FleetMember[] }[] {
  return wavesOf(rows, state.canaries, state.shares)
    .map(({ name, targets }) => ({ name, members: targets.filter((row) => row.state === 'behind') }))
    .filter(({ members }) => members.length > 0);
}

async function writeWaves(
  state: RunState,
  rows: readonly TenantRow[],
  bucket: Bucket,
): Promise<{ readonly name: string; readonly lists: Lists }[]> {
  const written: { name: string; lists: Lists }[] = [];
  for (const [i, { name, members }] of wavesBehind(state, rows).entries())
    written.push({ name, lists: await writeLists(state.run, i + 1, members, bucket) });
  return written;
}
