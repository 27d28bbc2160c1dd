export type { ApplicationLogGroup } from './constructs/application-log-group';
export type {
  DatabaseOptions,
  ExistingDataApiOptions,
  ExistingServerOptions,
  ServerOptions,
} from './constructs/database-options';
export { DriftCheck, type DriftCheckProps } from './constructs/drift-check';
export { FleetCheck, type FleetCheckProps } from './constructs/fleet-check';
export {
  type DatabaseTargetsOptions,
  FleetTargets,
  type ListTargetsOptions,
  type QueryTargetsOptions,
  type SchemaTargetsOptions,
} from './constructs/fleet-targets';
export { Notify, type NotifyPagerDutyOptions, type NotifyTopicOptions } from './constructs/notify';
export { SchemaAlarms } from './constructs/schema-alarms';
export type { SchemaAlarmsProps } from './constructs/schema-alarms-props';
export { SchemaDatabase } from './constructs/schema-database';
export { SchemaFleet } from './constructs/schema-fleet';
export type { SchemaFleetProps } from './constructs/schema-fleet-props';
export { SchemaMigrations } from './constructs/schema-migrations';
export type { ScheduledAuditProps, SchemaMigrationsProps } from './constructs/schema-migrations-props';
export type { TimingProps } from './constructs/timing';
export { DatabaseStack } from './stacks/database-stack';
export type { DatabaseStackProps } from './stacks/database-stack-props';
export { SchemaStack, type SchemaStackProps } from './stacks/schema-stack';
export { WatchStack, type WatchStackProps } from './stacks/watch-stack';
