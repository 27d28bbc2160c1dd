/** Alarms on a fleet's deployments and runs, straight to the topic. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { countInLog } from '../alarms/log-metrics';
import { ONCE } from '../alarms/self-alarms';
import type { Watching } from '../alarms/watching';

export interface WatchedFleet extends Construct {
  readonly namespace: string;
  readonly logGroup: ILogGroup;
}

/** For the line that the tally writes when a run is over: of one that nobody may be waiting for. */
export const STOPPED_RUN = '{ $.event = "fleet-run" && $.by = "deployment" && $.outcome = "stopped" }';

/** As of a single database, but for a request whose run broke: of that {@link watchFleet}'s third alarm tells. */
export const FAILED = '{ $.event = "deployment" && $.outcome != "done" && $.outcome != "broke" }';
export const KEPT = '{ $.event = "deployment" && $.keptCount > 0 && $.outcome != "broke" }';

const A_MINUTE = { period: Duration.minutes(1), statistic: 'Sum' };

/** What a person types first. In a nested stack it is the outermost one's name. */
export function statusCommand(fleet: Construct): string {
  let stack = Stack.of(fleet);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  return `npx trueup status --stack ${stack.stackName} --fleet (region ${stack.region})`;
}

/**
 * A deployment that failed and a run that stopped after its deployment had succeeded are one alarm, since a run that is waited
 * for is both. ExecutionsFailed is for a run that broke, waited for or not, and the line of its request then
 * says so and is not counted; tenants that fail do not make it fail, and children
 * of a map count under ARNs of their own. Nothing watches ExecutionsAborted: rollbacks and newer deployments stop runs.
 */
export function watchFleet(alarms: Watching, fleet: WatchedFleet, machine: sfn.IStateMachine): void {
  const { namespace, logGroup, node } = fleet;
  const scope = new Construct(alarms, `Fleet ${node.addr}`);
  const more = `Which tenants are where: ${statusCommand(fleet)}. Why: aws logs tail ${logGroup.logGroupName} --since 1d --filter-pattern '"fleet-run"'`;
  for (const [id, patterns, what] of [
    [
      'failed',
      [FAILED, STOPPED_RUN],
      'failed, or its run stopped before its last wave after the stack had gone on',
    ],
    ['kept', [KEPT], 'was rolled back, and some of what it applied was kept'],
  ] as const) {
    const metric = { namespace: alarms.metricNamespace, name: `fleet-${id}-${node.addr}` };
    countInLog(scope, `Count ${id} `, logGroup, patterns, metric);
    alarms.alarmDirectly(
      `Fleet ${id} ${node.addr}`,
      new cloudwatch.Metric({ namespace: metric.namespace, metricName: metric.name, ...A_MINUTE }),
      { ...ONCE, alarmDescription: `A deployment of the fleet ${namespace} ${what}. ${more}` },
    );
  }
  alarms.alarmDirectly(`Fleet broke ${node.addr}`, machine.metricFailed(A_MINUTE), {
    ...ONCE,
    alarmDescription: `A run over the fleet ${namespace} broke before its end. Tenants that it had not reached stay behind; those that a rollback had not reached keep what they have. Deploy again. ${more}`,
  });
}
