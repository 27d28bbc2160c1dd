export type { ApplicationLogGroup } from './constructs/application-log-group';
export type {
  DatabaseOptions,
  ExistingDataApiOptions,
  ExistingServerOptions,
  ServerOptions,
} from './constructs/database-options';
export { DriftCheck, type DriftCheckProps } from './constructs/drift-check';
export { SchemaAlarms, type SchemaAlarmsProps } from './constructs/schema-alarms';
export { SchemaDatabase } from './constructs/schema-database';
export { SchemaMigrations, type SchemaMigrationsProps } from './constructs/schema-migrations';
export type { TimingProps } from './constructs/timing';
export { DatabaseStack, type DatabaseStackProps } from './stacks/database-stack';
export { SchemaStack, type SchemaStackProps } from './stacks/schema-stack';
export { WatchStack, type WatchStackProps } from './stacks/watch-stack';
