/** A fleet in an app: servers of their own stack, and the fleet in another. */
import { type App, Stack } from 'aws-cdk-lib';
import { SchemaFleet } from '../../lib/constructs/fleet/schema-fleet';
import type { SchemaFleetProps } from '../../lib/constructs/fleet/schema-fleet-props';
import { FleetTenants } from '../../lib/constructs/fleet/tenants';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { PEOPLE_FOLDER, testApp } from './synth';

const folder = PEOPLE_FOLDER;

export interface FleetDeployment {
  readonly app: App;
  readonly server: DatabaseStack;
  readonly stack: Stack;
  readonly fleet: SchemaFleet;
}

export function fleetDeployment(props: Partial<SchemaFleetProps> = {}): FleetDeployment {
  const app = testApp();
  const server = new DatabaseStack(app, 'Server');
  const stack = new Stack(app, 'App');
  const fleet = new SchemaFleet(stack, 'Tenants', {
    servers: { main: server.database() },
    tenants: [FleetTenants.databases({ pattern: 'tenant_*' })],
    folder,
    ledgerName: 'people',
    ...props,
  });
  return { app, server, stack, fleet };
}
