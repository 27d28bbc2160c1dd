/** Any error becomes an {@link ErrorInfo} and an exit code here. */
import { type ErrorInfo, TrueupError } from '../../lambda/engine/errors';
import { SqlError } from '../../lambda/postgres/database';
import { safeServerMessage } from '../../lambda/postgres/server-words';
import { CompileError } from '../compiler/problem';
import { NoEmbeddedServer } from '../local/binaries';
import { EXIT, type ExitCode } from './exit-codes';
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
    readonly code: ErrorInfo['code'] | 'usage' | 'interrupted' | 'unexpected';
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
  if (error instanceof CompileError) {
    const message = `${plural(error.problems.length, 'problem')} in ${error.folder}`;
    return { exitCode: EXIT.failed, error: { ...error.info, message }, compile: error };
  }
  if (error instanceof TrueupError) {
    return {
      exitCode: error.info.code === 'connection' ? EXIT.unreachable : EXIT.failed,
      error: error.info,
    };
  }
  return { exitCode: EXIT.failed, error: unexpected(error) };
}

/** Nobody expected it, so its words may say anything: a server's are passed on by the rules for row data only. */
function unexpected(error: unknown): Failure['error'] {
  const { message = String(error), stack } = error as Partial<Error>;
  const remedy = 'This is a bug in Trueup: please report it with these lines.';
  if (error instanceof SqlError) {
    const { sqlstate } = error;
    return { code: 'unexpected', message: safeServerMessage(sqlstate, message, error), sqlstate, remedy };
  }
  return { code: 'unexpected', message: stack ?? message, remedy };
}
