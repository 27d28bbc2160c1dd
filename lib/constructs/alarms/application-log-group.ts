/** Describes an application's log group for `SchemaAlarms`. */
import type * as logs from 'aws-cdk-lib/aws-logs';

/** Property selectors for a JSON log, in the syntax of a CloudWatch filter pattern. */
export interface JsonLogSelectors {
  /** Selector for the SQLSTATE, e.g. `$.err.code`. */
  readonly sqlstate: string;
  /** Selector for the error message, e.g. `$.err.message`. */
  readonly message: string;
}

/** Log group of an application that uses the database. */
export interface ApplicationLogGroup {
  /** Log group of the application. It must not be the server's log group. */
  readonly logGroup: logs.ILogGroup;
  /**
   * Selectors for the SQLSTATE and the message, if each line of the log is a JSON object.
   * @default - the log is plain text
   *
   * @example
   * const watched: ApplicationLogGroup = {
   *   logGroup: applicationLogGroup,
   *   json: { sqlstate: '$.err.code', message: '$.err.message' },
   * };
   */
  readonly json?: JsonLogSelectors;
}
