/** Translates the Data API's exceptions into our own errors. Pure. */
import { ConnectionLostError, SqlError, StillRunningError } from '../database';

/** Exceptions for calls that were refused before anything ran, for a temporary reason. They can be retried. */
const RETRYABLE_ERRORS = new Set([
  'DatabaseResumingException',
  'DatabaseUnavailableException',
  'ServiceUnavailableError',
  'ThrottlingException',
  'TooManyRequestsException',
]);
export const isRetryableError = (error: unknown): boolean => RETRYABLE_ERRORS.has(readErrorName(error));

/**
 * Whether an earlier call on this transaction has not ended, because its statement outlived the 45 seconds of a call.
 */
export const isStillBusy = (error: unknown): boolean => /still running a query/i.test(readErrorText(error));

export const isStatementTimeout = (error: unknown): boolean =>
  readErrorName(error) === 'StatementTimeoutException';

/**
 * Whether the service no longer knows the transaction: it was ended, expired after three idle minutes, or was aborted
 * by an error.
 */
export const isTransactionEnded = (error: unknown): boolean =>
  readErrorName(error) === 'TransactionNotFoundException' ||
  /transaction \S+ (isn't|is not) found/i.test(readErrorText(error)) ||
  parseServerError(readErrorText(error)) !== null;

/** Descriptions of errors that only a person can resolve. */
const REASONS_BY_ERROR: Readonly<Record<string, string>> = {
  AccessDeniedException: 'the caller may not use the Data API of this cluster, or may not read the secret',
  ForbiddenException: 'the caller may not use the Data API of this cluster, or may not read the secret',
  SecretsErrorException: 'the secret cannot be read',
  InvalidSecretException: 'the secret contains no user name and password',
  HttpEndpointNotEnabledException:
    'the Data API is not enabled for the cluster, or its ARN is not exact (letter case counts)',
  NotFoundException: 'there is no such cluster or secret',
  DatabaseNotFoundException: 'the cluster has no instance',
  InvalidResourceStateException: 'the cluster is not in a state in which it can be used',
};

/** SQLSTATEs after which the session has ended although the server could still report them. */
const SESSION_ENDED = /^(08|57P0[1-5]|25P0[34])/;

/** Translates an exception. A position is relative to the start of the SQL that was sent. */
export function translateDataApiError(error: unknown): Error {
  const name = readErrorName(error);
  const text = readErrorText(error);
  const words = REASONS_BY_ERROR[name];
  if (words) return new ConnectionLostError(`${words} (${text})`, name, { cause: error });
  const server = parseServerError(text);
  // FATAL means that the login was refused or the session has ended.
  if (server?.fatal) return new ConnectionLostError(server.message, server.sqlstate, { cause: error });
  if (server && SESSION_ENDED.test(server.sqlstate)) {
    return new ConnectionLostError(server.message, server.sqlstate, { cause: error });
  }
  if (server) return new SqlError(server.message, server.sqlstate, server.position);
  if (isStatementTimeout(error))
    return new SqlError('the Data API ended the statement after 45 seconds', '57014');
  if (name === 'UnsupportedResultException') return new SqlError(text, '0A000');
  if (name === 'ValidationException') return new SqlError(text, '42601');
  return new ConnectionLostError(text, describeNetworkError(error), { cause: error });
}

/** Returns PostgreSQL's SQLSTATE for a connection error (class 08), so that it is recognized as temporary. */
function describeNetworkError(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (isRetryableError(error)) return '08001';
  if (isTransactionEnded(error)) return '08003';
  if (readErrorName(error) === 'InternalServerErrorException') return '08006';
  if (readErrorName(error) === 'TimeoutError') return 'ETIMEDOUT';
  return typeof code === 'string' ? code : readErrorName(error);
}

interface ServerError {
  readonly fatal: boolean;
  readonly message: string;
  readonly sqlstate: string;
  /** Zero-based position. */
  readonly position?: number;
}

/**
 * Parses an error of the server. The service returns it as `ERROR: message`, followed by further fields, one per line
 * (`Detail: …`), and `; SQLState: 42P01`. Only the primary message is kept, because Detail, Hint and Where quote row
 * data and statements. The message may quote text that looks like a SQLSTATE, so the last one is used.
 */
export function parseServerError(text: string): ServerError | null {
  const end = /;\s*SQLState:\s*([0-9A-Z]{5})\.?\s*$/.exec(text);
  const severity = /^(ERROR|FATAL|PANIC):\s*/.exec(text);
  if (!end || !severity) return null;
  const body = text.slice(severity[0].length, end.index);
  const message = body.split(
    /\n {2}(?:Detail|Hint|Where|Position|Internal Query|Internal Position|Location): |; Position: /,
    1,
  )[0]!;
  const position = /(?:\n {2}|; )Position: (\d+)/.exec(body.slice(message.length))?.[1];
  return {
    fatal: severity[1] !== 'ERROR',
    message: message.trimEnd(),
    sqlstate: end[1]!,
    ...(position === undefined ? {} : { position: Number(position) - 1 }),
  };
}

/** Translates an exception of a marked statement. @param offset length of the text in front of the caller's SQL */
export function toDatabaseError(error: unknown, offset = 0): Error {
  if (error instanceof SqlError || error instanceof ConnectionLostError || error instanceof StillRunningError)
    return error;
  const ours = translateDataApiError(error);
  if (!(ours instanceof SqlError) || ours.position === undefined) return ours;
  return new SqlError(ours.message, ours.sqlstate, Math.max(0, ours.position - offset));
}

const readErrorName = (error: unknown): string => (error as { name?: string } | null)?.name ?? '';
const readErrorText = (error: unknown): string =>
  (error as { message?: string } | null)?.message ?? String(error);
