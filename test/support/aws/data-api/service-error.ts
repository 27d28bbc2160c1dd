/** Errors in the Data API's own words. */

/** Answered with `x-amzn-errortype: type`, which is how the SDK tells them apart. */
export class ServiceError extends Error {
  constructor(
    readonly type: string,
    message: string,
    readonly status = 400,
    /** Further members of the body. */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

interface PostgresError {
  readonly message: string;
  readonly code?: string;
  readonly severity?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly where?: string;
  readonly position?: string;
}

/** The server's error as the service words it: primary message, a line for each further field, SQLSTATE at the end. */
export function databaseError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const { message, code, severity = 'ERROR', detail, hint, where, position } = error as PostgresError;
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) {
    // The connection to the server broke, or never came about.
    return new ServiceError('DatabaseUnavailableException', `The writer isn't available: ${message}`, 504);
  }
  if (code === '42601' && /multiple commands/.test(message)) {
    return new ServiceError('ValidationException', "Multistatements aren't supported.");
  }
  const lines = Object.entries({ Detail: detail, Hint: hint, Where: where })
    .filter(([, text]) => text)
    .map(([name, text]) => `\n  ${name}: ${text}`);
  const at = position === undefined ? '' : `; Position: ${position}`;
  return new ServiceError(
    'DatabaseErrorException',
    `${severity}: ${message}${lines.join('')}${at}; SQLState: ${code}`,
  );
}
