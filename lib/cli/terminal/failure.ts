/** Any error becomes an {@link ErrorInfo} and an exit code here. */
import { type ErrorInfo, TrueupError } from '../../../lambda/contract/errors';
import { connectionError } from '../../../lambda/engine/apply/connection-failures';
import { unexpectedError as refusedStatement, withOwnWords } from '../../../lambda/engine/apply/failures';
import { ConnectionLost, SqlError } from '../../../lambda/postgres/database';
import { CompileError } from '../../compiler/problem';
import { NoEmbeddedServer } from '../../scratch-postgres/binaries';
import { EXIT, type ExitCode } from '../exit-codes';
import { GitHubError } from '../github/api';
import { plural } from './terminal';

/** The command line is used wrongly; nothing was tried. */
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
    readonly code: ErrorInfo['code'] | 'usage' | 'interrupted' | 'github' | 'unexpected';
  };
  /** The files that are why. */
  readonly compile?: CompileError;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) {
    const { message, remedy } = error;
    return { exitCode: EXIT.usage, error: { code: 'usage', message, remedy } };
  }
  if (error instanceof NoEmbeddedServer) {
    const { summary, remedy } = error;
    return { exitCode: EXIT.usage, error: { code: 'usage', message: summary, remedy } };
  }
  if (error instanceof GitHubError) {
    const { message, remedy } = error;
    return { exitCode: EXIT.failed, error: { code: 'github', message, remedy } };
  }
  if (error instanceof CompileError) {
    const message = `${plural(error.problems.length, 'problem')} in ${error.folder}`;
    return { exitCode: EXIT.failed, error: { ...error.info, message }, compile: error };
  }
  if (error instanceof TrueupError) {
    return {
      exitCode: error.info.code === 'connection' ? EXIT.unreachable : EXIT.failed,
      error: withOwnWords(error.info),
    };
  }
  // Of a question that has one connection; the engine connects again.
  if (error instanceof ConnectionLost) return { exitCode: EXIT.unreachable, error: connectionError(error) };
  return { exitCode: EXIT.failed, error: unexpectedFailure(error) };
}

/** Nobody expected it, so its words may say anything: a server's are passed on by the engine's rules only. */
function unexpectedFailure(error: unknown): Failure['error'] {
  const { message = String(error), stack } = error as Partial<Error>;
  const remedy = 'This is a bug in Trueup: please report it with these lines.';
  if (error instanceof SqlError) return withOwnWords(refusedStatement(error));
  return { code: 'unexpected', message: stack ?? message, remedy };
}
