/**
 * A user's app: a server, and a stack with the schema and a service that depends on it. Context: `name`, prefix of the
 * stacks' names; `stack` for another name of the second; `folder` of migrations; `service`, its version, with `fails` for one that does not come up.
 */
import { App, CustomResource, Duration, Stack } from 'aws-cdk-lib';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../../lib/stacks/database-stack';

const app = new App();
const context = (key: string): string => app.node.getContext(key) as string;
const name = context('name');

const server = new DatabaseStack(app, `${name}-server`, { cheap: true, managedSecret: false });

const stack = new Stack(app, app.node.tryGetContext('stack') ?? `${name}-service`);
const schema = new SchemaMigrations(stack, 'Schema', {
  database: server.database(),
  folder: context('folder'),
  namespace: name,
  queryInterval: Duration.seconds(1),
  databaseWait: Duration.seconds(8),
  slice: Duration.seconds(12),
});

const handler = new LambdaFunction(stack, 'ServiceHandler', {
  runtime: Runtime.NODEJS_22_X,
  handler: 'index.handler',
  code: Code.fromInline(`
exports.handler = (event) => fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify({
  Status: event.RequestType !== 'Delete' && event.ResourceProperties.version === 'fails' ? 'FAILED' : 'SUCCESS',
  Reason: 'the service does not come up', PhysicalResourceId: 'service', StackId: event.StackId,
  RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId }) });`),
});
const service = new CustomResource(stack, 'Service', {
  serviceToken: handler.functionArn,
  properties: { version: app.node.tryGetContext('service') ?? '1' },
});
service.node.addDependency(schema);
