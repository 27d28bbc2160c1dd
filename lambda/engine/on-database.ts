/** Work on a database in a session of its own; whatever ends it is an outcome. */

import type { ConvergeRequest, Outcome } from '../contract/converge';
import type { ErrorInfo } from '../contract/errors';
import { type Database, StillRunning } from '../postgres/database';
import { unexpectedError } from './apply/failures';
import { reportOf } from './plan/report';
import { type EngineContext, NotYet } from './run';
import { inSession, Unreachable } from './time/session';

export async function onDatabase(
  ctx: EngineContext,
  request: ConvergeRequest,
  work: (db: Database) => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await inSession(ctx, work);
  } catch (error) {
    if (error instanceof NotYet) return notYet(error.progress, error.waitingFor);
    if (error instanceof StillRunning) return notYet('the server is still running a long statement');
    if (!(error instanceof Unreachable)) return ended(request, unexpectedError(error));
    const info = unexpectedError(error.cause);
    if (!error.timeIsUp) return ended(request, info);
    const outcome = notYet(info.message, info);
    return error.lostAt === null ? outcome : { ...outcome, unreachableMs: Date.now() - error.lostAt };
  }
}

const EMPTY = reportOf(null, null);

export const notYet = (
  progress: string,
  waitingFor?: ErrorInfo,
): Extract<Outcome, { status: 'continue' }> => ({
  status: 'continue',
  progress,
  ...(waitingFor ? { waitingFor } : {}),
  report: EMPTY,
});

/** A rollback or Delete never fails because of the schema: that would wedge the stack. It says what it could not do. */
export function ended(request: ConvergeRequest, error: ErrorInfo): Outcome {
  if (request.direction !== 'rollback' && !request.remove) return { status: 'failed', error, report: EMPTY };
  return { status: 'done', report: { ...EMPTY, warnings: [`${LEFT_AS_IS}${error.message}`] } };
}

const LEFT_AS_IS = 'the rollback left the schema as it is: ';

/** Why, of a rollback's warning that it did nothing; null for any other. */
export const leftAsItIs = (warning: string): string | null =>
  warning.startsWith(LEFT_AS_IS) ? warning.slice(LEFT_AS_IS.length) : null;
