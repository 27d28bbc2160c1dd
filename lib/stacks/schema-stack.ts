import { Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { SchemaMigrations, type SchemaMigrationsProps } from '../constructs/schema-migrations';

export interface SchemaStackProps extends StackProps {
  readonly schema: SchemaMigrationsProps;
  /**
   * Name of the server's log group. A name and not a reference, so that this stack never holds the server's stack back;
   * replacing what it refers to takes two steps (docs/deploying.md).
   * @default - none: nothing watches the server's log
   */
  readonly databaseLogGroupName?: string;
}

/** One database's schema. */
export class SchemaStack extends Stack {
  readonly schema: SchemaMigrations;
  readonly databaseLogGroup?: logs.ILogGroup;

  constructor(scope: Construct, id: string, props: SchemaStackProps) {
    super(scope, id, props);
    this.schema = new SchemaMigrations(this, 'Schema', props.schema);
    if (props.databaseLogGroupName !== undefined) {
      this.databaseLogGroup = logs.LogGroup.fromLogGroupName(this, 'DatabaseLog', props.databaseLogGroupName);
    }
  }
}
