import { converge } from '../../lambda/engine';
import type { Manifest } from '../../lambda/engine/manifest';
import type { ConvergeRequest, Outcome, ProgressEvent } from '../../lambda/engine/request';
import type { EngineContext } from '../../lambda/engine/run';
import { connectPg } from '../../lambda/postgres/pg';
import { request } from './manifest';

export interface EngineRun {
  readonly outcome: Outcome;
  readonly events: readonly ProgressEvent[];
}

export const contextFor = (url: string, manifest: Manifest, budgetMs = 20_000): EngineContext => ({
  connect: () => connectPg({ url }),
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

/** As run(), for a run that has to succeed. */
export async function up(
  url: string,
  manifest: Manifest,
  change: Partial<ConvergeRequest> = {},
): Promise<Outcome> {
  const { outcome } = await run(url, manifest, change);
  if (outcome.status !== 'done') throw new Error(`not done: ${JSON.stringify(outcome)}`);
  return outcome;
}
