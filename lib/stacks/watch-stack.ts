import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { DriftCheck } from '../constructs/drift-check';
import { SchemaAlarms, type SchemaAlarmsProps } from '../constructs/schema-alarms';
import type { SchemaMigrations } from '../constructs/schema-migrations';

export interface WatchStackProps extends StackProps {
  /** Name of the server's log group. A name and not a reference, so that this stack never holds the server's stack back. */
  readonly databaseLogGroupName: string;
  /** The schemas of the server. */
  readonly schemas: readonly SchemaMigrations[];
  /** What is more to say of the alarms, e.g. whom to tell. @default - a topic without subscriptions */
  readonly alarms?: Omit<SchemaAlarmsProps, 'databaseLogGroup' | 'schemas'>;
  /** How often each schema is proved again. @default - 1 hour */
  readonly driftInterval?: Duration;
}

/** What watches one server: alarms on errors and on the machine itself, and a drift check for each schema. */
export class WatchStack extends Stack {
  readonly alarms: SchemaAlarms;

  constructor(scope: Construct, id: string, props: WatchStackProps) {
    super(scope, id, props);
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
