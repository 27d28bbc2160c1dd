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
 * Runs one slice after the other until one ends the run, or comes as far as the lock between runners: on a busy machine the
 * time of the first ones may be up before that.
 */
export async function runSlices(
  url: string,
  manifest: Manifest,
  change: Partial<ConvergeRequest>,
  sliceMs: number,
): Promise<EngineRun> {
  for (const end = Date.now() + 60_000; ; ) {
    const ran = await run(url, manifest, change, { deadline: Date.now() + sliceMs });
    const { outcome } = ran;
    if (outcome.status !== 'continue' || outcome.waitingFor?.code === 'busy' || Date.now() > end) return ran;
  }
}

/** What the engine hands to its parts, on a connection of the test's own. */
export async function runOn(db: Database, url: string): Promise<Run> {
  const manifest = manifestOf();
  const ledger = await readLedger(db, 'app', null, null);
  return beginRun(db, contextFor(url, manifest), ledger, request(manifest));
}

/** As run(), for a run that has to succeed. */
export async function up(
  url: string,
  manifest: Manifest,
  change: Partial<ConvergeRequest> = {},
): Promise<ConvergeOutcome> {
  const { outcome } = await run(url, manifest, change);
  if (outcome.status !== 'done') throw new Error(`not done: ${JSON.stringify(outcome)}`);
  return outcome;
}
