/** Stops runs, and waits for the tenants that they left in the middle: a child that has begun goes on by itself. */

import type { Clock, FleetContext } from './context';
import { askServer } from './list';
import { startedBy } from './run';

/** Runs that a person started to look at the fleet: they change nothing, and are nobody's business. */
export const isLook = (name: string): boolean => startedBy(name) === 'status';

/** @param which of those that run. @returns how many were stopped */
export async function stopRuns(
  { outbound }: Pick<FleetContext, 'outbound'>,
  which: (name: string) => boolean,
  why: string,
): Promise<number> {
  const names = (await outbound.executions.running()).filter((name) => which(name) && !isLook(name));
  for (const name of names) await outbound.executions.stop(name, why);
  return names.length;
}

const PAUSE_MS = 2_000;

/**
 * Until no runner holds a tenant's lock any more.
 * @returns who still works, in a sentence; null when nobody does
 */
export async function settled(
  { plan, fleet, outbound, clock }: FleetContext & { readonly clock: Clock },
  withinMs: number,
): Promise<string | null> {
  const until = clock.now() + withinMs;
  for (;;) {
    const at = await stillAtWork(plan.servers, fleet.functions, outbound);
    if (at === null || clock.now() >= until) return at;
    await clock.sleep(PAUSE_MS);
  }
}

async function stillAtWork(
  servers: Readonly<Record<string, unknown>>,
  functions: Readonly<Record<string, string>>,
  outbound: FleetContext['outbound'],
): Promise<string | null> {
  // All at once: each may take two minutes, and this function has to answer.
  const answers = Object.keys(servers).map(async (server) => {
    try {
      const response = await askServer(server, { action: 'server' }, functions, outbound);
      if (response.action !== 'server') return [];
      const { count, first } = response.server.inFlight;
      if (count === 0) return [];
      const named = first.map(({ database, namespace }) => namespace ?? database);
      return `${count} on ${server}${named.length > 0 ? ` (${named.join(', ')})` : ''}`;
    } catch (error) {
      return `it is not known who on ${server}: ${(error as Error).message}`;
    }
  });
  const found = (await Promise.all(answers)).flat();
  return found.length === 0 ? null : `still at work: ${found.join('; ')}`;
}
