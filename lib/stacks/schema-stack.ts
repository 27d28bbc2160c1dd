import { Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { SchemaMigrations } from '../constructs/migrations/schema-migrations';
import type { SchemaMigrationsProps } from '../constructs/migrations/schema-migrations-props';
import { type Checks, checkObject, checkProps, optional } from '../constructs/validation/check';
import { logGroupName } from '../constructs/validation/resources';
import { plainObject } from '../constructs/validation/values';

export interface SchemaStackProps extends StackProps {
  /** The database, the folder, and what else `SchemaMigrations` is to be told. */
  readonly schema: SchemaMigrationsProps;
  /**
   * Name of the server's log group. A name and not a reference, so that this stack never holds the server's stack back;
   * replacing what it refers to takes two steps (docs/deploying.md).
   * @default - none: nothing watches the server's log
   */
  readonly databaseLogGroupName?: string;
}

const CHECKS: Checks<Omit<SchemaStackProps, keyof StackProps>> = {
  schema: plainObject('must be the props of SchemaMigrations', 'database'),
  databaseLogGroupName: optional(logGroupName),
};

/**
 * One database's schema.
 *
 * @example
 * new SchemaStack(app, 'Courses', {
 *   databaseLogGroupName: server.logGroupName,
 *   schema: { database: server.database({ databaseName: 'courses' }), folder: 'migrations/courses' },
 * });
 */
export class SchemaStack extends Stack {
  readonly schema: SchemaMigrations;
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
