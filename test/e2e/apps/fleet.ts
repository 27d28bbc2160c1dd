/**
 * A user's app: a server with tenants, and a fleet over them. Context: `name`, prefix of the stacks' names; `folder` of
 * migrations; `workload`, a file of statements; `tolerated`; `service`, its version, with `fails` for one that does not come
 * up; `stack`, the fleet's stack in place of `service`: another team's, over the same tenants, or `logins`, over those of
 * table `logins`, each with a login of its own.
 */
import { App, Duration, Stack } from 'aws-cdk-lib';
import { SchemaFleet } from '../../../lib/constructs/fleet/schema-fleet';
import { FleetTargets } from '../../../lib/constructs/fleet/targets';
import { DatabaseStack } from '../../../lib/stacks/database-stack';
import { addService } from './service';

const app = new App();
const context = (key: string): string => app.node.getContext(key) as string;
const name = context('name');

const server = new DatabaseStack(app, `${name}-server`, { cheap: true, managedSecret: false });

const which = app.node.tryGetContext('stack') ?? 'service';
const stack = new Stack(app, `${name}-${which}`);
const fleet = new SchemaFleet(stack, 'Tenants', {
  servers: { main: server.database() },
  targets:
    which === 'logins'
      ? [FleetTargets.query({ database: 'app', sql: 'SELECT name, database, secret FROM public.logins' })]
      : [
          FleetTargets.databases({ pattern: 'tenant_*' }),
          FleetTargets.schemas({ database: 'app', pattern: 'shop_*' }),
        ],
  ...(which === 'logins' ? { tenantSecrets: { prefix: `${name}/tenants/` } } : {}),
  folder: context('folder'),
  workload: app.node.tryGetContext('workload'),
  namespace: name,
  maxConcurrency: 2,
  tolerated: Number(app.node.tryGetContext('tolerated') ?? 0),
  queryInterval: Duration.seconds(1),
  databaseWait: Duration.seconds(20),
  slice: Duration.seconds(12),
  perTargetTimeout: Duration.seconds(30),
});

addService(stack, fleet);
