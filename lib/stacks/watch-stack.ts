import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { DriftCheck } from '../constructs/alarms/drift-check';
import { SchemaAlarms } from '../constructs/alarms/schema-alarms';
import type { SchemaAlarmsOptions } from '../constructs/alarms/schema-alarms-props';
import { type SchemaMigrations, schemasCheck } from '../constructs/migrations/schema-migrations';
import { checkObject, checkProps, optional, type PropChecks } from '../constructs/validation/prop-checks';
import { logGroupNameCheck } from '../constructs/validation/resources';
import { durationCheck, plainObjectCheck } from '../constructs/validation/values';

/** Props of `WatchStack`. */
export interface WatchStackProps extends StackProps {
  /**
   * Name of the server's log group. A name is used instead of a reference so that this stack never blocks changes to
   * the server's stack.
   */
  readonly databaseLogGroupName: string;
  /** Schemas on the server. Each gets a drift check. */
  readonly schemas: SchemaMigrations[];
  /**
   * Options of the `SchemaAlarms`, e.g. `notify`.
   * @default - a topic without subscriptions, and `cdk synth` warns
   */
  readonly alarms?: SchemaAlarmsOptions;
  /**
   * Interval between two drift checks of a schema, in whole minutes from 5 minutes to a day.
   * @default Duration.hours(1)
   */
  readonly driftInterval?: Duration;
}

const CHECKS: PropChecks<Omit<WatchStackProps, keyof StackProps>> = {
  databaseLogGroupName: logGroupNameCheck,
  schemas: schemasCheck,
  // SchemaAlarms checks the contents.
  alarms: optional(plainObjectCheck('must be props of SchemaAlarms')),
  driftInterval: optional(durationCheck('minutes', 5, 24 * 60)),
};

/**
 * A stack that watches one server, with alarms on errors and on Trueup's own functions, and a drift check for each
 * schema.
 *
 * @example
 * new WatchStack(app, 'Watch', {
 *   databaseLogGroupName: server.logGroupName,
 *   schemas: [schema],
 *   alarms: { notify: [Notify.email('on-call@example.com')], runbookUrl: 'https://wiki.example.com/trueup/defects/' },
 * });
 */
export class WatchStack extends Stack {
  /** Alarms of the server. */
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
      new DriftCheck(this, `Drift ${schema.database.databaseName} ${schema.ledgerName}`, {
        schema,
        alarms: this.alarms,
        interval: driftInterval,
      });
    }
  }
}
