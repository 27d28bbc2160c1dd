/**
 * Stops runs, and waits for the tenants that they were migrating: a child execution that has begun continues until it
 * is done.
 */

import type { Clock, FleetContext } from './context';
import { queryServer } from './list';
import { getRunOrigin } from './run';

/**
 * Whether a run only inspects the fleet because a person requested it. Such a run changes nothing, so a deployment
 * does not stop it.
 */
const isInspection = (name: string): boolean => getRunOrigin(name) === 'status';

/** Stops the running executions that `which` selects. @returns the number of stopped executions */
export async function stopRunExecutions(
  { outbound }: Pick<FleetContext, 'outbound'>,
  which: (name: string) => boolean,
  why: string,
): Promise<number> {
  const names = (await outbound.executions.running()).filter((name) => which(name) && !isInspection(name));
  for (const name of names) await outbound.executions.stop(name, why);
  return names.length;
}

const PAUSE_MS = 2_000;

/**
 * Waits until no runner holds a tenant's lock.
 * @returns a sentence about runners that still work; null if there are none
 */
export async function waitUntilSettled(
  { plan, fleet, outbound, clock }: FleetContext & { readonly clock: Clock },
  withinMs: number,
): Promise<string | null> {
  const until = clock.now() + withinMs;
  for (;;) {
    const at = await describeStillRunning(plan.servers, fleet.functions, outbound);
    if (at === null || clock.now() >= until) return at;
    await clock.sleep(PAUSE_MS);
  }
}

async function describeStillRunning(
  servers: Readonly<Record<string, unknown>>,
  functions: Readonly<Record<string, string>>,
  outbound: FleetContext['outbound'],
): Promise<string | null> {
  // All servers are queried at once: each query may take two minutes, and this function has to answer in time.
  const answers = Object.keys(servers).map(async (server) => {
    try {
      const response = await queryServer(server, { action: 'server' }, functions, outbound);
      if (response.action !== 'server') return [];
      const { count, first } = response.server.inFlight;
      if (count === 0) return [];
      const named = first.map(({ database, namespace }) => namespace ?? database);
      return `${count} on ${server}${named.length > 0 ? ` (${named.join(', ')})` : ''}`;
    } catch (error) {
      return `the sessions on ${server} could not be read: ${(error as Error).message}`;
    }
  });
  const found = (await Promise.all(answers)).flat();
  return found.length === 0 ? null : `still at work: ${found.join('; ')}`;
}
