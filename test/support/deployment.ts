import { type App, Stack } from 'aws-cdk-lib';
import type { SchemaDatabase } from '../../lib/constructs/database/schema-database';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import type { SchemaMigrationsProps } from '../../lib/constructs/migrations/schema-migrations-props';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import type { DatabaseStackProps } from '../../lib/stacks/database-stack-props';
import { PEOPLE_FOLDER, testApp } from './synth';

const folder = PEOPLE_FOLDER;

export interface Deployment {
  readonly app: App;
  readonly server: DatabaseStack;
  readonly stack: Stack;
  readonly schema: SchemaMigrations;
}

/** A server in its stack, a schema in another. */
export function deployment(
  props: Partial<SchemaMigrationsProps> = {},
  serverProps: DatabaseStackProps = {},
  database: (server: DatabaseStack) => SchemaDatabase = (server) => server.database(),
): Deployment {
  const app = testApp();
  const server = new DatabaseStack(app, 'Server', serverProps);
  const stack = new Stack(app, 'App');
  const schema = new SchemaMigrations(stack, 'Schema', {
    database: database(server),
    folder,
    ledgerName: 'people',
    ...props,
  });
  return { app, server, stack, schema };
}
