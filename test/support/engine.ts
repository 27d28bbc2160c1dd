import type { ConvergeOutcome, ConvergeRequest, ProgressEvent } from '../../lambda/contract/converge';
import type { Manifest } from '../../lambda/contract/manifest';
import { converge } from '../../lambda/engine';
import { readLedger } from '../../lambda/engine/ledger/read';
import { beginRun, type EngineContext, type Run } from '../../lambda/engine/run';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { manifestOf, request } from './manifest';

export interface EngineRun {
  readonly outcome: ConvergeOutcome;
  readonly events: readonly ProgressEvent[];
}

export const contextFor = (url: string, manifest: Manifest, budgetMs = 20_000): EngineContext => ({
  connect: () => connectPg({ url }),
  connectForRecords: () => connectPg({ url }),
  manifest,
  deadline: Date.now() + budgetMs,
});

export async function run(
  url: string,
  manifest: Manifest,
  change: Partial<ConvergeRequest> = {},
  context: Partial<EngineContext> = {},
): Promise<EngineRun> {
  const events: ProgressEvent[] = [];
  const ctx = {
    ...contextFor(url, manifest),
    progress: (event: ProgressEvent) => void events.push(event),
    ...context,
  };
  return { outcome: await converge(ctx, request(manifest, change)), events };
}

/**
 * Runs one slice after the other, each longer than the one before, until one has come so far or ends the run: on a busy machine
 * the time of the first ones may be up before that. Gives up after a minute.
 *
 * @returns the last slice
 */
export async function runUntil(
  isThere: (ran: EngineRun) => boolean,
  url: string,
  manifest: Manifest,
  change: Partial<ConvergeRequest>,
  sliceMs: number,
): Promise<EngineRun> {
  for (let [end, ms] = [Date.now() + 60_000, sliceMs]; ; ms *= 1.5) {
    const ran = await run(url, manifest, change, { deadline: Date.now() + ms });
    if (ran.outcome.status !== 'continue' || isThere(ran) || Date.now() > end) return ran;
  }
}

/** For {@link runUntil}: the slice waited for this until its end. */
export const waitedFor =
  (code: 'busy' | 'lock-timeout') =>
  ({ outcome }: EngineRun): boolean =>
    outcome.status === 'continue' && outcome.waitingFor?.code === code;

/** For {@link runUntil}: the slice ended at a place that its answer describes like this. */
export const progressed =
  (text: string) =>
  ({ outcome }: EngineRun): boolean =>
    outcome.status === 'continue' && outcome.progress.includes(text);

/** For {@link runUntil}: the slice applied something. */
export const applied = ({ outcome }: EngineRun): boolean => outcome.report.applied.length > 0;

/** What the engine hands to its parts, on a connection of the test's own. */
export async function runOn(db: Database, url: string): Promise<Run> {
  const manifest = manifestOf();
  const ledger = await readLedger(db, 'app', null, null);
  return beginRun(db, contextFor(url, manifest), ledger, request(manifest));
}

/** As run(), for a run that has to succeed, however busy the machine is. */
export async function up(
  url: string,
  manifest: Manifest,
  change: Partial<ConvergeRequest> = {},
): Promise<ConvergeOutcome> {
  const { outcome } = await run(url, manifest, change, { deadline: Date.now() + 300_000 });
  if (outcome.status !== 'done') throw new Error(`not done: ${JSON.stringify(outcome)}`);
  return outcome;
}
