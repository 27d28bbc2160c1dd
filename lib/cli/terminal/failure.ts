/** Turns any error into an {@link ErrorInfo} and an exit code. */
import { type ErrorInfo, TrueupError } from '../../../lambda/contract/errors';
import { describeConnectionError } from '../../../lambda/engine/apply/connection-failures';
import {
  appendRaisedMessage,
  describeUnexpectedError as refusedStatement,
} from '../../../lambda/engine/apply/failures';
import { ConnectionLostError, SqlError } from '../../../lambda/postgres/database';
import { CompileError } from '../../compiler/problem';
import { NoEmbeddedServer } from '../../scratch-postgres/binaries';
import { EXIT, type ExitCode } from '../exit-codes';
import { formatCount } from './terminal';

/** Thrown if the command line is used incorrectly. Nothing was tried. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

export interface Failure {
  readonly exitCode: ExitCode;
  readonly error: Omit<ErrorInfo, 'code'> & {
    readonly code: ErrorInfo['code'] | 'usage' | 'interrupted' | 'unexpected';
  };
  /** The problems of the files, if they do not compile. */
  readonly compile?: CompileError;
}

export function toFailure(error: unknown): Failure {
  if (error instanceof UsageError) {
    const { message, remedy } = error;
    return { exitCode: EXIT.usage, error: { code: 'usage', message, remedy } };
  }
  if (error instanceof NoEmbeddedServer) {
    const { summary, remedy } = error;
    return { exitCode: EXIT.usage, error: { code: 'usage', message: summary, remedy } };
  }
  if (error instanceof CompileError) {
    const message = `${formatCount(error.problems.length, 'problem')} in ${error.folder}`;
    return { exitCode: EXIT.failed, error: { ...error.info, message }, compile: error };
  }
  if (error instanceof TrueupError) {
    return {
      exitCode: error.info.code === 'connection' ? EXIT.unreachable : EXIT.failed,
      error: appendRaisedMessage(error.info),
    };
  }
  // Commands that only read have a single connection; the engine connects again.
  if (error instanceof ConnectionLostError)
    return { exitCode: EXIT.unreachable, error: describeConnectionError(error) };
  return { exitCode: EXIT.failed, error: makeUnexpectedFailure(error) };
}

/**
 * Describes an unexpected error, whose message may contain anything. A server's message is passed on only by the
 * engine's rules.
 */
function makeUnexpectedFailure(error: unknown): Failure['error'] {
  const { message = String(error), stack } = error as Partial<Error>;
  const remedy = 'This is a bug in Trueup: please report it with this output.';
  if (error instanceof SqlError) return appendRaisedMessage(refusedStatement(error));
  return { code: 'unexpected', message: stack ?? message, remedy };
}
