/** What the Data API's exceptions mean, as our own errors. Pure. */
import { ConnectionLost, SqlError, StillRunning } from '../database';

/** The call was refused before anything ran, for a reason that passes: it can be made again. */
const PASSING = new Set([
  'DatabaseResumingException',
  'DatabaseUnavailableException',
  'ServiceUnavailableError',
  'ThrottlingException',
  'TooManyRequestsException',
]);
export const isPassing = (error: unknown): boolean => PASSING.has(errorName(error));

/** An earlier call on this transaction has not ended: its statement outlived the 45 seconds of a call. */
export const isStillBusy = (error: unknown): boolean => /still running a query/i.test(textOf(error));

export const isTimeout = (error: unknown): boolean => errorName(error) === 'StatementTimeoutException';

/** The service no longer knows the transaction: ended, expired after three idle minutes, or aborted by an error. */
export const transactionEnded = (error: unknown): boolean =>
  errorName(error) === 'TransactionNotFoundException' ||
  /transaction \S+ (isn't|is not) found/i.test(textOf(error)) ||
  serverError(textOf(error)) !== null;

/** Reasons that only a person can change, in words. */
const REASONS: Readonly<Record<string, string>> = {
  AccessDeniedException: 'the caller may not use the Data API of this cluster, or may not read the secret',
  ForbiddenException: 'the caller may not use the Data API of this cluster, or may not read the secret',
  SecretsErrorException: 'the secret cannot be read',
  InvalidSecretException: 'the secret holds no user name and password',
  HttpEndpointNotEnabledException:
    'the Data API is not enabled for the cluster, or its ARN is not exact (letter case counts)',
  NotFoundException: 'there is no such cluster or secret',
  DatabaseNotFoundException: 'the cluster has no instance',
  InvalidResourceStateException: 'the cluster is not in a state in which it can be used',
};

/** Codes after which the session is gone although the server could still say why. */
const SESSION_ENDED = /^(08|57P0[1-5]|25P0[34])/;

/** The position in the result counts from the start of the SQL that was sent. */
export function translate(error: unknown): Error {
  const name = errorName(error);
  const text = textOf(error);
  const words = REASONS[name];
  if (words) return new ConnectionLost(`${words} (${text})`, name, { cause: error });
  const server = serverError(text);
  // FATAL: the login was refused, or the session is over.
  if (server?.fatal) return new ConnectionLost(server.message, server.sqlstate, { cause: error });
  if (server && SESSION_ENDED.test(server.sqlstate)) {
    return new ConnectionLost(server.message, server.sqlstate, { cause: error });
  }
  if (server) return new SqlError(server.message, server.sqlstate, server.position);
  if (isTimeout(error)) return new SqlError('the Data API ended the statement after 45 seconds', '57014');
  if (name === 'UnsupportedResultException') return new SqlError(text, '0A000');
  if (name === 'ValidationException') return new SqlError(text, '42601');
  return new ConnectionLost(text, passingReason(error), { cause: error });
}

/** As the SQLSTATE that PostgreSQL has for it (class 08), so that it is known as something that passes. */
function passingReason(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (isPassing(error)) return '08001';
  if (transactionEnded(error)) return '08003';
  if (errorName(error) === 'InternalServerErrorException') return '08006';
  if (errorName(error) === 'TimeoutError') return 'ETIMEDOUT';
  return typeof code === 'string' ? code : errorName(error);
}

interface ServerError {
  readonly fatal: boolean;
  readonly message: string;
  readonly sqlstate: string;
  /** From 0. */
  readonly position?: number;
}

/**
 * The service hands on the server's words as `ERROR: message`, then what else there is, a line each (`Detail: …`), then
 * `; SQLState: 42P01`. Detail, Hint and Where quote row data and statements, so only the primary message is kept. What
 * the message quotes may look like a SQLSTATE; the real one is at the end.
 */
export function serverError(text: string): ServerError | null {
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

/** @param offset length of what stands before the caller's SQL */
export function toOurs(error: unknown, offset = 0): Error {
  if (error instanceof SqlError || error instanceof ConnectionLost || error instanceof StillRunning)
    return error;
  const ours = translate(error);
  if (!(ours instanceof SqlError) || ours.position === undefined) return ours;
  return new SqlError(ours.message, ours.sqlstate, Math.max(0, ours.position - offset));
}

const errorName = (error: unknown): string => (error as { name?: string } | null)?.name ?? '';
const textOf = (error: unknown): string => (error as { message?: string } | null)?.message ?? String(error);
