/** Works on many targets at once, over a fixed number of connections. */
import type { Target } from '../../../lambda/fleet/targets';
import type { Seat } from './seat';

/**
 * Each seat takes the next target as soon as it is free. After `stopped` says so no target is begun; those that are
 * under way come to their end.
 */
export async function crew(
  seats: readonly Seat[],
  targets: readonly Target[],
  work: (target: Target, seat: Seat) => Promise<void>,
  stopped: () => boolean = () => false,
): Promise<void> {
  const rest = targets.values();
  await Promise.all(
    seats.slice(0, targets.length).map(async (seat) => {
      for (const target of rest) {
        if (stopped()) return;
        await work(target, seat);
      }
    }),
  );
}
