/**
 * A user's app: a server with tenants, and a fleet over them. Context: `name`, prefix of the stacks' names; `folder` of
 * migrations; `tolerated`; `service`, its version, with `fails` for one that does not come up.
 */
import { App, CustomResource, Duration, Stack } from 'aws-cdk-lib';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SchemaFleet } from '../../../lib/constructs/fleet/schema-fleet';
import { FleetTargets } from '../../../lib/constructs/fleet/targets';
import { DatabaseStack } from '../../../lib/stacks/database-stack';

const app = new App();
const context = (key: string): string => app.node.getContext(key) as string;
const name = context('name');

const server = new DatabaseStack(app, `${name}-server`, { cheap: true, managedSecret: false });

const stack = new Stack(app, `${name}-service`);
const fleet = new SchemaFleet(stack, 'Tenants', {
  servers: { main: server.database() },
  targets: [
    FleetTargets.databases({ pattern: 'tenant_*' }),
    FleetTargets.schemas({ database: 'app', pattern: 'shop_*' }),
  ],
  folder: context('folder'),
  namespace: name,
  maxConcurrency: 2,
  tolerated: Number(app.node.tryGetContext('tolerated') ?? 0),
  queryInterval: Duration.seconds(1),
  databaseWait: Duration.seconds(20),
  slice: Duration.seconds(12),
  perTargetTimeout: Duration.seconds(30),
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
service.node.addDependency(fleet);
