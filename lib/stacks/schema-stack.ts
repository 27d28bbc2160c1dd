import { Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { SchemaMigrations } from '../constructs/migrations/schema-migrations';
import type { SchemaMigrationsProps } from '../constructs/migrations/schema-migrations-props';
import { checkObject, checkProps, optional, type PropChecks } from '../constructs/validation/prop-checks';
import { logGroupNameCheck } from '../constructs/validation/resources';
import { plainObjectCheck } from '../constructs/validation/values';

/** Props of `SchemaStack`. */
export interface SchemaStackProps extends StackProps {
  /** Props of the `SchemaMigrations`: the database, the folder and the other options. */
  readonly schema: SchemaMigrationsProps;
  /**
   * Name of the server's log group, for your own filters on `databaseLogGroup`. It creates no alarm: `WatchStack`
   * watches the log and takes the name itself. A name is used instead of a reference so that this stack never blocks
   * changes to the server's stack.
   * @default - the stack has no `databaseLogGroup`
   */
  readonly databaseLogGroupName?: string;
}

const CHECKS: PropChecks<Omit<SchemaStackProps, keyof StackProps>> = {
  schema: plainObjectCheck<SchemaMigrationsProps>('must be the props of SchemaMigrations', 'database'),
  databaseLogGroupName: optional(logGroupNameCheck),
};

/**
 * A stack with the schema of one database.
 *
 * @example
 * const { schema } = new SchemaStack(app, 'Courses', {
 *   schema: { database: server.database({ databaseName: 'courses' }), folder: 'migrations/courses' },
 * });
 * service.node.addDependency(schema);
 */
export class SchemaStack extends Stack {
  /**
   * The schema. Let services depend on it (`service.node.addDependency(schema)`), and pass it to `WatchStack` in
   * `schemas`.
   */
  readonly schema: SchemaMigrations;
  /** The server's log group. Undefined without `databaseLogGroupName`. */
  readonly databaseLogGroup?: logs.ILogGroup;

  constructor(scope: Construct, id: string, props: SchemaStackProps) {
    super(scope, id, checkObject(id, props));
    checkProps(this, props, CHECKS);
    this.schema = new SchemaMigrations(this, 'Schema', props.schema);
    if (props.databaseLogGroupName !== undefined) {
      this.databaseLogGroup = logs.LogGroup.fromLogGroupName(this, 'DatabaseLog', props.databaseLogGroupName);
    }
  }
}
