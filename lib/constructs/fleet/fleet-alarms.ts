/** Creates alarms on a fleet's deployments and runs, which notify the topic directly. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { AlarmScope } from '../alarms/alarm-scope';
import { countInLog } from '../alarms/log-metrics';
import { SINGLE_DATAPOINT } from '../alarms/self-alarms';

export interface WatchedFleet extends Construct {
  readonly ledgerName: string;
  readonly logGroup: ILogGroup;
}

/**
 * Matches the line that the tally writes when a deployment's run has stopped, possibly after that deployment has ended.
 */
export const STOPPED_RUN_PATTERN =
  '{ $.event = "fleet-run-ended" && $.by = "deployment" && $.outcome = "stopped" }';

/**
 * The same as for a single database, except that a request whose run broke does not count: {@link watchFleet}'s third
 * alarm reports it.
 */
export const FAILED_DEPLOYMENT_PATTERN =
  '{ $.event = "deployment-ended" && $.outcome != "done" && $.outcome != "broke" }';
export const KEPT_MIGRATIONS_PATTERN =
  '{ $.event = "deployment-ended" && $.keptCount > 0 && $.outcome != "broke" }';

const PER_MINUTE = { period: Duration.minutes(1), statistic: 'Sum' };

/** Returns the first command to run when an alarm is raised. For a nested stack it names the outermost stack. */
export function buildStatusCommand(fleet: Construct): string {
  let stack = Stack.of(fleet);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  return `npx trueup status --stack ${stack.stackName} --fleet (region ${stack.region})`;
}

/**
 * Adds the alarms of a fleet. A failed deployment and a run that stopped after its deployment had succeeded share one
 * alarm, since a run that its deployment waits for is both. ExecutionsFailed counts runs that broke, whether a
 * deployment waits for them or not; the log line of the request then has the outcome `broke`, which the other alarms do
 * not count. Failed tenants do not make a run fail, and the child executions of a map count under their own ARNs. There
 * is no alarm on ExecutionsAborted, because rollbacks and newer deployments stop runs.
 */
export function watchFleet(alarms: AlarmScope, fleet: WatchedFleet, machine: sfn.IStateMachine): void {
  const { ledgerName, logGroup, node } = fleet;
  const scope = new Construct(alarms, `Fleet ${node.addr}`);
  const more = `Which tenants are where: ${buildStatusCommand(fleet)}. Why: aws logs tail ${logGroup.logGroupName} --since 1d --filter-pattern '"fleet-run-ended"'`;
  for (const [id, patterns, what] of [
    [
      'failed',
      [FAILED_DEPLOYMENT_PATTERN, STOPPED_RUN_PATTERN],
      'failed, or its run stopped before its last wave after the stack had gone on',
    ],
    ['kept', [KEPT_MIGRATIONS_PATTERN], 'was rolled back, and some of what it applied was kept'],
  ] as const) {
    const metric = { namespace: alarms.metricNamespace, name: `fleet-${id}-${node.addr}` };
    countInLog(scope, `Count ${id} `, logGroup, patterns, metric);
    alarms._addDirectAlarm(
      `Fleet ${id} ${node.addr}`,
      new cloudwatch.Metric({ namespace: metric.namespace, metricName: metric.name, ...PER_MINUTE }),
      { ...SINGLE_DATAPOINT, alarmDescription: `A deployment of the fleet ${ledgerName} ${what}. ${more}` },
    );
  }
  alarms._addDirectAlarm(`Fleet broke ${node.addr}`, machine.metricFailed(PER_MINUTE), {
    ...SINGLE_DATAPOINT,
    alarmDescription: `A run over the fleet ${ledgerName} broke before its end. Tenants that it had not reached stay behind; those that a rollback had not reached keep what they have. Deploy again. ${more}`,
  });
}
