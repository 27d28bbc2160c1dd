/** A log group of an application, as `SchemaAlarms` is told of it. */
import type * as logs from 'aws-cdk-lib/aws-logs';

export interface ApplicationLogGroup {
  /** Where the application logs. Another one than the server's. */
  readonly logGroup: logs.ILogGroup;
  /**
   * Where a JSON log has SQLSTATE and message, as property selectors of a filter pattern, e.g.
   * `{ sqlstate: '$.err.code', message: '$.err.message' }`.
   * @default - the log is text
   *
   * @example
   * const watched: ApplicationLogGroup = {
   *   logGroup: applicationLogGroup,
   *   json: { sqlstate: '$.err.code', message: '$.err.message' },
   * };
   */
  readonly json?: { readonly sqlstate: string; readonly message: string };
}
