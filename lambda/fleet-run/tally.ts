/** Runs after each wave: summarizes its results, and decides whether there is another wave. */
import type {
  FleetMember,
  RunReport,
  RunState,
  TallyRequest,
  TenantRow,
  WaveLists,
  WaveResult,
} from '../contract/fleet-run';
import { runObjectKeys } from '../contract/fleet-run';
import { splitIntoWaves } from '../fleet/waves';
import { log } from '../log';
import type { Bucket } from './fleet-outbound';
import { isFailedState, readTenantResults, type TenantResult } from './results';
import { buildMemberKey, getRunOrigin, readListedMembers, writeLists } from './run';

/** Maximum number of failures that a report names; the rest are counted. */
const MAX_NAMED_FAILURES = 20;

export async function tallyResults(request: TallyRequest, bucket: Bucket): Promise<RunState> {
  const { branches, ...state } = request;
  const members = await readListedMembers(state.lists, bucket);
  const told = await readTenantResults(members, branches, bucket);
  const before = state.wave === 0 ? [] : await readPreviousRows(state.run, bucket);
  const rows = mergeRows(
    before,
    told.map(({ row }) => row),
  );
  const report = buildRunReport(state, rows, told);
  const goesOn = report.stopped === null && state.work !== 'undo';
  const waves =
    state.work === 'inspect' && goesOn && state.migrates
      ? await writeWaves(state, rows, bucket)
      : state.waves;
  const next = advanceWave({ ...state, waves: goesOn ? waves : [], report });
  await bucket.put(runObjectKeys.tenants(state.run), JSON.stringify(rows));
  await bucket.put(runObjectKeys.state(state.run), JSON.stringify(next));
  log('fleet-wave-ended', {
    run: state.run,
    wave: state.name,
    work: state.work,
    states: report.states,
    wrong: report.wrong,
    stopped: report.stopped,
    next: next.go ? next.name : null,
  });
  if (!next.go) logRunEnd(next, told);
  return next;
}

/**
 * Logs the end of a run. Alarms match this line, because after `waitFor: 'canary'` the deployment no longer waits for
 * the end. A newer deployment changes the code under a run before it stops the run. Errors that the run meets because
 * of that do not count as failures: `superseded`.
 */
function logRunEnd({ run, request, report }: RunState, told: readonly TenantResult[]): void {
  const otherCode = told.some(
    ({ answer, manifestHash = request.manifestHash }) =>
      manifestHash !== request.manifestHash || answer?.error?.code === 'manifest',
  );
  log('fleet-run-ended', {
    run,
    by: getRunOrigin(run),
    outcome: report.stopped === null ? 'done' : otherCode ? 'superseded' : 'stopped',
    ...(report.stopped === null ? {} : { stopped: report.stopped }),
    states: report.states,
    wrong: report.wrong,
    failures: report.failures,
  });
}

async function readPreviousRows(run: string, bucket: Bucket): Promise<TenantRow[]> {
  return JSON.parse((await bucket.get(runObjectKeys.tenants(run))) ?? '[]') as TenantRow[];
}

/** Merges rows. A newer row replaces the older one of the same tenant. */
export function mergeRows(before: readonly TenantRow[], now: readonly TenantRow[]): TenantRow[] {
  const rows = new Map(before.map((row) => [buildMemberKey(row), row]));
  for (const row of now) rows.set(buildMemberKey(row), row);
  return [...rows.values()];
}

/** Builds the report. Pure. @param rows rows of all tenants. @param told results of this wave */
export function buildRunReport(
  state: RunState,
  rows: readonly TenantRow[],
  told: readonly TenantResult[],
): RunReport {
  const states = countStates(
    state.work === 'undo' ? told.map(classifyUndoneState) : rows.map((row) => row.state),
  );
  const wrong = rows.filter(isFailedState);
  const kept = told.flatMap(({ row, answer }) =>
    (answer?.kept ?? []).map((each) => ({ tenant: row.name, ...each })),
  );
  const wave: WaveResult = {
    name: state.name,
    tenantCount: told.length,
    migrated: told.filter(({ row }) => row.state === 'up to date').length,
    failed: told.filter(({ row }) => isFailedState(row)).length,
  };
  // After the inspection, a missing tenant does not count as a failed migration yet: the list, read again at the end,
  // shows whether it was deleted.
  const against = state.work === 'apply' ? wrong.filter(({ missing }) => !missing) : wrong;
  const tooMany = state.work !== 'undo' && against.length > state.maxFailures;
  return {
    tenantCount: rows.length,
    states,
    waves: state.work === 'apply' ? [...state.report.waves, wave] : [],
    wrong: wrong.length,
    failures: wrong
      .slice(0, MAX_NAMED_FAILURES)
      .map(({ name, server, state: is, why = '' }) => ({ name, server, state: is, why })),
    kept: kept.slice(0, MAX_NAMED_FAILURES),
    keptCount: kept.length,
    undoneCount:
      state.work === 'undo' ? told.reduce((sum, { answer }) => sum + (answer?.changed?.length ?? 0), 0) : 0,
    stopped: tooMany ? (state.work === 'apply' ? 'failures' : 'blocked') : null,
  };
}

export function countStates(all: readonly string[]): Record<string, number> {
  const states: Record<string, number> = {};
  for (const state of all) states[state] = (states[state] ?? 0) + 1;
  return states;
}

/** Returns the state after a rollback. It is `undone` only if a migration was undone. */
const classifyUndoneState = ({ row, answer }: TenantResult): string =>
  row.state !== 'undone' || (answer?.changed?.length ?? 0) > 0
    ? row.state
    : (answer?.kept?.length ?? 0) > 0
      ? 'kept'
      : 'unchanged';

/** Returns the state for the next wave, or for the end. Pure. */
export function advanceWave(state: RunState): RunState {
  const [next, ...waves] = state.waves;
  if (!next) return { ...state, waves: [], lists: {}, go: false };
  const wave = state.wave + 1;
  return {
    ...state,
    work: 'apply',
    wave,
    name: next.name,
    lists: next.lists,
    results: runObjectKeys.results(state.run, wave),
    waves,
    go: true,
  };
}

/**
 * Plans the waves of the tenants that are behind. Pure. The waves are computed from all tenants, so they are the same
 * in the next run.
 */
export function planRemainingWaves(
  state: Pick<RunState, 'canaries' | 'shares'>,
  rows: readonly TenantRow[],
): { readonly name: string; readonly members: readonly FleetMember[] }[] {
  return splitIntoWaves(rows, state.canaries, state.shares)
    .map(({ name, tenants }) => ({ name, members: tenants.filter((row) => row.state === 'behind') }))
    .filter(({ members }) => members.length > 0);
}

async function writeWaves(
  state: RunState,
  rows: readonly TenantRow[],
  bucket: Bucket,
): Promise<{ readonly name: string; readonly lists: WaveLists }[]> {
  const written: { name: string; lists: WaveLists }[] = [];
  for (const [i, { name, members }] of planRemainingWaves(state, rows).entries())
    written.push({ name, lists: await writeLists(state.run, i + 1, members, bucket) });
  return written;
}
