/** For what reads, and is asked once: a paused Aurora takes about 15 seconds to answer, longer than one attempt does. */
import { ConnectionLost, type Database } from '../postgres/database';
import { isTransient, unexpected } from './failures';
import { waitOrGiveUp } from './retry';
import type { EngineContext } from './run';

const READER_PATIENCE_MS = 60_000;

/** @throws {ConnectionLost} when trying again does not help, or helped not in time */
export async function connectPatiently(
  ctx: Pick<EngineContext, 'connect' | 'deadline' | 'progress' | 'connectPatienceMs'>,
): Promise<Database> {
  const giveUp = Math.min(ctx.deadline, Date.now() + (ctx.connectPatienceMs ?? READER_PATIENCE_MS));
  for (let attempt = 1; ; attempt++) {
    try {
      return await ctx.connect();
    } catch (error) {
      if (!(error instanceof ConnectionLost) || !isTransient(error)) throw error;
      ctx.progress?.({ type: 'waiting', for: 'database', message: unexpected(error).message });
      if (!(await waitOrGiveUp(attempt, giveUp))) throw error;
    }
  }
}
