/** Defines the server's parameters: TLS only, and what the log contains. */
export interface DatabaseParametersProps {
  /** Major version of PostgreSQL, e.g. `17`. */
  readonly majorVersion: number;
  readonly logStatements: boolean;
}

/**
 * Returns the parameters that log errors without the rows that failed: `log_error_verbosity` omits DETAIL ("Failing row
 * contains …"), HINT and CONTEXT, and `log_parameter_max_length_on_error` omits bind values. The text of a failing
 * statement is logged, including literals that the application wrote into it, unless `logStatements` is false
 * (https://www.postgresql.org/docs/current/runtime-config-logging.html).
 */
export function buildDatabaseParameters({
  majorVersion,
  logStatements,
}: DatabaseParametersProps): Record<string, string> {
  return {
    // From version 18 on, RDS is reported to have dropped this parameter and to accept only TLS.
    ...(majorVersion < 18 ? { 'rds.force_ssl': '1' } : {}),
    // Metric filters match English messages.
    lc_messages: 'C',
    log_error_verbosity: 'terse',
    log_min_error_statement: logStatements ? 'error' : 'panic',
    log_parameter_max_length_on_error: '0',
    // Only errors are logged; other values of these would log every statement.
    log_statement: 'none',
    log_min_duration_statement: '-1',
  };
}
