/**
 * The library's own server, the smallest, and a schema on it, in one stack. Context: `folder` of migrations, and `server`, a
 * full version.
 */
import { type App, CfnOutput, Duration, RemovalPolicy, type Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../../lib/stacks/database-stack';

/** `aurora` is reached through the Data API, `instance` from the VPC with IAM authentication. */
export const databaseStack =
  (part: 'instance' | 'aurora') =>
  (app: App, id: string, props: StackProps): Stack => {
    const aurora = part === 'aurora';
    const version: string | undefined = app.node.tryGetContext('server');
    const server = new DatabaseStack(app, id, {
      ...props,
      engine: part,
      minimalCost: true,
      dataApi: aurora,
      ...(version === undefined ? {} : { version }),
    });
    const schema = new SchemaMigrations(server, 'Schema', {
      database: aurora ? server.dataApi() : server.database({ auth: 'iam' }),
      folder: app.node.getContext('folder') as string,
      ledgerName: 'live',
      queryInterval: Duration.seconds(5),
      logGroup: new logs.LogGroup(server, 'SchemaLog', {
        retention: logs.RetentionDays.ONE_WEEK,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    });
    new CfnOutput(server, 'Ask', { value: schema.queryFunction.functionName });
    return server;
  };
