/** Works on many tenants at once, over a fixed number of connections. */
import type { ListedTenant } from '../../../lambda/fleet/tenant-list';
import type { ConnectionSlot } from './connection-slot';

/**
 * Lets each slot take the next tenant as soon as it is free. Once `stopped` returns true, no further tenant is started,
 * and those in progress are finished.
 */
export async function runWorkerPool(
  slots: readonly ConnectionSlot[],
  targets: readonly ListedTenant[],
  work: (target: ListedTenant, slot: ConnectionSlot) => Promise<void>,
  stopped: () => boolean = () => false,
): Promise<void> {
  const rest = targets.values();
  await Promise.all(
    slots.slice(0, targets.length).map(async (slot) => {
      for (const target of rest) {
        if (stopped()) return;
        await work(target, slot);
      }
    }),
  );
}
