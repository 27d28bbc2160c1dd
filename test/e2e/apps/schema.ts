/**
 * A user's app: a server, and a stack with the schema and a service that depends on it. Context: `name`, prefix of the
 * stacks' names; `stack` for another name of the second; `folder` of migrations; `service`, its version, with `fails` for one that does not come up.
 */
import { App, Duration, Stack } from 'aws-cdk-lib';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../../lib/stacks/database-stack';
import { addService } from './service';

const app = new App();
const context = (key: string): string => app.node.getContext(key) as string;
const name = context('name');

const server = new DatabaseStack(app, `${name}-server`, { minimalCost: true, managedSecret: false });

const stack = new Stack(app, app.node.tryGetContext('stack') ?? `${name}-service`);
const schema = new SchemaMigrations(stack, 'Schema', {
  database: server.database(),
  folder: context('folder'),
  ledgerName: name,
  queryInterval: Duration.seconds(1),
  connectTimeout: Duration.seconds(8),
  slice: Duration.seconds(12),
});

addService(stack, schema);
