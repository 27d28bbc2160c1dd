import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { DriftCheck } from '../constructs/alarms/drift-check';
import { SchemaAlarms } from '../constructs/alarms/schema-alarms';
import type { SchemaAlarmsProps } from '../constructs/alarms/schema-alarms-props';
import type { SchemaMigrations } from '../constructs/migrations/schema-migrations';
import { type Checks, checkObject, checkProps, optional } from '../constructs/validation/check';
import { logGroupName, schemas as schemaList } from '../constructs/validation/resources';
import { duration, plainObject } from '../constructs/validation/values';

export interface WatchStackProps extends StackProps {
  /** Name of the server's log group. A name and not a reference, so that this stack never holds the server's stack back. */
  readonly databaseLogGroupName: string;
  /** The schemas of the server. */
  readonly schemas: readonly SchemaMigrations[];
  /**
   * What is more to say of the alarms, e.g. whom to tell.
   * @default - a topic without subscriptions, of which `cdk synth` warns
   */
  readonly alarms?: Omit<SchemaAlarmsProps, 'databaseLogGroup' | 'schemas'>;
  /**
   * How often each schema is proved again: whole minutes, from 5 minutes to a day.
   * @default - 1 hour
   */
  readonly driftInterval?: Duration;
}

const CHECKS: Checks<Omit<WatchStackProps, keyof StackProps>> = {
  databaseLogGroupName: logGroupName,
  schemas: schemaList,
  // What is in it is looked at by SchemaAlarms.
  alarms: optional(plainObject('must be props of SchemaAlarms')),
  driftInterval: optional(duration('minutes', 5, 24 * 60)),
};

/**
 * What watches one server: alarms on errors and on Trueup's own functions, and a drift check for each schema.
 *
 * @example
 * new WatchStack(app, 'Watch', {
 *   databaseLogGroupName: server.logGroupName,
 *   schemas: [schema],
 *   alarms: { notify: [Notify.email('on-call@example.com')], runbookUrl: 'https://wiki.example.com/trueup/defects/' },
 * });
 */
export class WatchStack extends Stack {
  readonly alarms: SchemaAlarms;

  constructor(scope: Construct, id: string, props: WatchStackProps) {
    super(scope, id, checkObject(id, props));
    checkProps(this, props, CHECKS);
    const { schemas, driftInterval = Duration.hours(1) } = props;
    this.alarms = new SchemaAlarms(this, 'Alarms', {
      ...props.alarms,
      databaseLogGroup: logs.LogGroup.fromLogGroupName(this, 'DatabaseLog', props.databaseLogGroupName),
      schemas,
    });
    for (const schema of schemas) {
      new DriftCheck(this, `Drift ${schema.database.databaseName} ${schema.namespace}`, {
        schema,
        alarms: this.alarms,
        interval: driftInterval,
      });
    }
  }
}
