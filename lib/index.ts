export type { ApplicationLogGroup, JsonLogSelectors } from './constructs/alarms/application-log-group';
export { DriftCheck, type DriftCheckProps } from './constructs/alarms/drift-check';
export { SchemaAlarms } from './constructs/alarms/schema-alarms';
export type { SchemaAlarmsOptions, SchemaAlarmsProps } from './constructs/alarms/schema-alarms-props';
export type {
  ConnectionOptions,
  DatabaseOptions,
  ExistingDataApiOptions,
  ExistingServerOptions,
  LoginOptions,
  ServerOptions,
} from './constructs/database/options';
export { SchemaDatabase } from './constructs/database/schema-database';
export { FleetCheck, type FleetCheckProps } from './constructs/fleet/fleet-check';
export { SchemaFleet } from './constructs/fleet/schema-fleet';
export type { SchemaFleetProps, TenantSecretsProps } from './constructs/fleet/schema-fleet-props';
export {
  type DatabaseTenantsOptions,
  FleetTenants,
  type ListTenantsOptions,
  type QueryTenantsOptions,
  type SchemaTenantsOptions,
  type SourceOptions,
} from './constructs/fleet/tenants';
export { SchemaMigrations } from './constructs/migrations/schema-migrations';
export type {
  ScheduledAuditProps,
  SchemaMigrationsProps,
} from './constructs/migrations/schema-migrations-props';
export type { TimingProps } from './constructs/migrations/timing';
export { Notify, type NotifyPagerDutyOptions, type NotifyTopicOptions } from './constructs/notify/notify';
export { DatabaseStack } from './stacks/database-stack';
export type { DatabaseStackProps } from './stacks/database-stack-props';
export { SchemaStack, type SchemaStackProps } from './stacks/schema-stack';
export { WatchStack, type WatchStackProps } from './stacks/watch-stack';
