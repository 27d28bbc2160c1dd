/** Runs work in its own session, and turns every way in which it can end into an outcome. */

import type { ConvergeOutcome, ConvergeRequest } from '../contract/converge';
import type { ErrorInfo } from '../contract/errors';
import { type Database, StillRunningError } from '../postgres/database';
import { describeUnexpectedError } from './apply/failures';
import { buildReport } from './plan/run-report';
import { DeadlineReachedError, type EngineContext } from './run';
import { DatabaseUnreachableError, inSession } from './time/session';

export async function onDatabase(
  ctx: EngineContext,
  request: ConvergeRequest,
  work: (db: Database) => Promise<ConvergeOutcome>,
): Promise<ConvergeOutcome> {
  try {
    return await inSession(ctx, work);
  } catch (error) {
    if (error instanceof DeadlineReachedError) return makeContinueOutcome(error.progress, error.waitingFor);
    if (error instanceof StillRunningError)
      return makeContinueOutcome('the server is still running a long statement');
    if (!(error instanceof DatabaseUnreachableError))
      return makeFailedOutcome(request, describeUnexpectedError(error));
    const info = describeUnexpectedError(error.cause);
    if (!error.timeIsUp) return makeFailedOutcome(request, info);
    const outcome = makeContinueOutcome(info.message, info);
    return error.lostAt === null ? outcome : { ...outcome, unreachableMs: Date.now() - error.lostAt };
  }
}

/** Returns the request with the owner role that it names, or else the one that belongs to the login. */
export const withOwnerRole = <R extends { readonly ownerRole?: string | null }>(
  { login }: Pick<Database, 'login'>,
  request: R,
): R =>
  request.ownerRole == null && login?.ownerRole ? { ...request, ownerRole: login.ownerRole } : request;

const EMPTY_REPORT = buildReport(null, null);

export const makeContinueOutcome = (
  progress: string,
  waitingFor?: ErrorInfo,
): Extract<ConvergeOutcome, { status: 'continue' }> => ({
  status: 'continue',
  progress,
  ...(waitingFor ? { waitingFor } : {}),
  report: EMPTY_REPORT,
});

/**
 * Returns the outcome of a request that stops on an error. A rollback or Delete never fails because of the schema,
 * which would leave the stack in a failed state; it reports what it could not do as a warning.
 */
export function makeFailedOutcome(request: ConvergeRequest, error: ErrorInfo): ConvergeOutcome {
  if (request.direction !== 'rollback' && !request.remove)
    return { status: 'failed', error, report: EMPTY_REPORT };
  return {
    status: 'done',
    report: { ...EMPTY_REPORT, warnings: [`${SCHEMA_UNCHANGED_PREFIX}${error.message}`] },
  };
}

const SCHEMA_UNCHANGED_PREFIX = 'the rollback left the schema as it is: ';

/** Returns why a rollback did nothing, from its warning; `null` for any other warning. */
export const parseUnchangedReason = (warning: string): string | null =>
  warning.startsWith(SCHEMA_UNCHANGED_PREFIX) ? warning.slice(SCHEMA_UNCHANGED_PREFIX.length) : null;
