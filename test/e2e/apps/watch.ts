/**
 * A server, a schema, and what watches them. Context: `name`, prefix of the stacks' names; `folder` of migrations; `workload`,
 * a file of the application's statements; `suppressions`, a suppressions file; `webhook`, where pages are posted to.
 */
import { App, Duration, SecretValue, Stack } from 'aws-cdk-lib';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { Notify } from '../../../lib/constructs/notify/notify';
import { DatabaseStack } from '../../../lib/stacks/database-stack';
import { WatchStack } from '../../../lib/stacks/watch-stack';

const app = new App();
const context = (key: string): string => app.node.getContext(key) as string;
const name = context('name');

const server = new DatabaseStack(app, `${name}-server`, { minimalCost: true, managedSecret: false });
const schema = new SchemaMigrations(new Stack(app, `${name}-schema`), 'Schema', {
  database: server.database(),
  folder: context('folder'),
  workload: context('workload'),
  audit: { suppressions: context('suppressions') },
  ledgerName: name,
  queryInterval: Duration.seconds(1),
});
// Only the receiver of a test checks what it signs.
const signing = new secretsmanager.Secret(new Stack(app, `${name}-keys`), 'Signing', {
  secretStringValue: SecretValue.unsafePlainText('a key of a test'),
});
// Synth refuses an address of this machine, where the test's receiver is.
const webhook = Notify.webhook('https://hooks.example.com/', signing);
Object.assign(webhook._target, { url: context('webhook') });
new WatchStack(app, `${name}-watch`, {
  databaseLogGroupName: server.logGroupName,
  schemas: [schema],
  alarms: { notify: [webhook] },
}).addStackDependency(server);
