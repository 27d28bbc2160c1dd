/** Server settings of a database: TLS only, and what its log holds. */
export interface DatabaseParametersProps {
  /** E.g. `17`. */
  readonly majorVersion: number;
  readonly logStatements: boolean;
}

/**
 * Errors are logged, the rows that failed are not: DETAIL ("Failing row contains …"), HINT and CONTEXT go with
 * `log_error_verbosity`, bind values with `log_parameter_max_length_on_error`. A failing statement's own text stays, with
 * the literals that the application wrote into it, unless `logStatements` is false
 * (https://www.postgresql.org/docs/current/runtime-config-logging.html).
 */
export function databaseParameters({
  majorVersion,
  logStatements,
}: DatabaseParametersProps): Record<string, string> {
  return {
    // From 18 on it is reported that RDS has no such setting any more and takes nothing but TLS.
    ...(majorVersion < 18 ? { 'rds.force_ssl': '1' } : {}),
    // Metric filters match English words.
    lc_messages: 'C',
    log_error_verbosity: 'terse',
    log_min_error_statement: logStatements ? 'error' : 'panic',
    log_parameter_max_length_on_error: '0',
    // Nothing but errors: these would log every statement.
    log_statement: 'none',
    log_min_duration_statement: '-1',
  };
}
