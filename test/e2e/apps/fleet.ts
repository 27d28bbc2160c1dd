/**
 * A user's app: a server with tenants, and a fleet over them. Context: `name`, prefix of the stacks' names; `folder` of
 * migrations; `workload`, a file of statements; `maxFailures`; `service`, its version, with `fails` for one that does not come
 * up; `stack`, the fleet's stack in place of `service`: another team's, over the same tenants, or `logins`, over those of
 * table `logins`, each with a login of its own.
 */
import { App, Duration, Stack } from 'aws-cdk-lib';
import { SchemaFleet } from '../../../lib/constructs/fleet/schema-fleet';
import { FleetTenants } from '../../../lib/constructs/fleet/tenants';
import { DatabaseStack } from '../../../lib/stacks/database-stack';
import { addService } from './service';

const app = new App();
const context = (key: string): string => app.node.getContext(key) as string;
const name = context('name');

const server = new DatabaseStack(app, `${name}-server`, { minimalCost: true, managedSecret: false });

const which = app.node.tryGetContext('stack') ?? 'service';
const stack = new Stack(app, `${name}-${which}`);
const fleet = new SchemaFleet(stack, 'Tenants', {
  servers: { main: server.database() },
  tenants:
    which === 'logins'
      ? [FleetTenants.query({ database: 'app', sql: 'SELECT name, database, secret FROM public.logins' })]
      : [
          FleetTenants.databases({ pattern: 'tenant_*' }),
          FleetTenants.schemas({ database: 'app', pattern: 'shop_*' }),
        ],
  ...(which === 'logins' ? { tenantSecrets: { prefix: `${name}/tenants/` } } : {}),
  folder: context('folder'),
  workload: app.node.tryGetContext('workload'),
  ledgerName: name,
  maxConcurrency: 2,
  maxFailures: Number(app.node.tryGetContext('maxFailures') ?? 0),
  queryInterval: Duration.seconds(1),
  connectTimeout: Duration.seconds(20),
  slice: Duration.seconds(12),
  tenantTimeout: Duration.seconds(30),
});

addService(stack, fleet);
