/**
 * The small stack: all of the library's metric filters on one log group, a function under the pager's own role, a
 * Distributed Map, runs of a fleet, and a custom resource with a service that depends on it. Context: `version`, `seconds` that the custom
 * resource takes, `ours` and `service`, each `ok` or `fails`, and `service` also `fails-beside`; `nested`, whether there is a nested stack.
 */
import {
  type App,
  CfnOutput,
  CustomResource,
  Duration,
  NestedStack,
  RemovalPolicy,
  Stack,
  type StackProps,
} from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { AlarmTopic } from '../../../lib/constructs/alarms/alarm-topic';
import { countInLog } from '../../../lib/constructs/alarms/log-metrics';
import { PageFunction } from '../../../lib/constructs/functions/page-function';
import { handler } from '../handlers/code';
import { libraryPatterns } from '../patterns';
import { fleetRuns } from './fleet-runs';

const ARM = { runtime: lambda.Runtime.NODEJS_24_X, architecture: lambda.Architecture.ARM_64 } as const;

/** Searches are no metric filters. */
export const filtersAtOnce = (): readonly string[] =>
  libraryPatterns().flatMap(({ use, pattern }) => (/search|exceptions/.test(use) ? [] : [pattern]));

/** How often the provider framework asks the custom resource. */
export const QUERY_INTERVAL_MS = 5_000;

export function smallStack(app: App, id: string, props: StackProps): Stack {
  const stack = new Stack(app, id, props);
  const context = (key: string, fallback: string): string => app.node.tryGetContext(key) ?? fallback;
  const output = (key: string, value: string) => new CfnOutput(stack, key, { value });
  const log = (logId: string) =>
    new logs.LogGroup(stack, logId, {
      retention: logs.RetentionDays.ONE_WEEK,
      removalPolicy: RemovalPolicy.DESTROY,
    });

  const watched = log('Watched');
  countInLog(new Construct(stack, 'Count'), 'Filter', watched, filtersAtOnce(), {
    namespace: id,
    name: 'matches',
  });
  output('WatchedLog', watched.logGroupName);

  inside(stack, log, watched, output);
  distributedMap(stack, output);
  fleetRuns(stack, log('FleetLog'));
  deployment(stack, log('DeploymentLog'), context, output);
  return stack;
}

/** A function under the role that the library makes for the pager. */
function inside(
  stack: Stack,
  log: (id: string) => logs.LogGroup,
  watched: logs.LogGroup,
  output: (key: string, value: string) => void,
): void {
  const topic = new sns.Topic(stack, 'Topic');
  const pager = new PageFunction(stack, 'Pager', {
    topic: new AlarmTopic(stack, 'Pages', { topic }),
    logGroups: [watched],
    queryFunctions: [],
    chatTopics: [],
    documents: undefined,
    documentKey: undefined,
    settings: {
      prefix: stack.stackName,
      topicArn: topic.topicArn,
      logGroups: [{ name: watched.logGroupName, lines: { format: 'postgresql' } }],
      functions: {},
      ignore: [],
      excludedRoles: [],
      rescanIntervalMs: Duration.hours(1).toMilliseconds(),
      runbookUrl: null,
    },
  });
  const alarm = new cloudwatch.Alarm(stack, 'Alarm', {
    metric: new cloudwatch.Metric({ namespace: stack.stackName, metricName: 'matches', statistic: 'Sum' }),
    threshold: 1,
    evaluationPeriods: 1,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  const insideLog = log('InsideLog');
  const asked = new lambda.Function(stack, 'Inside', {
    ...ARM,
    handler: 'index.handler',
    code: handler('inside', '1'),
    timeout: Duration.minutes(1),
    memorySize: 512,
    role: pager.function.role,
    logGroup: insideLog,
  });
  output('InsideFunction', asked.functionName);
  output('AlarmName', alarm.alarmName);
}

/** Its children only wait, so that stopping it is what ends them. */
function distributedMap(stack: Stack, output: (key: string, value: string) => void): void {
  const map = new sfn.DistributedMap(stack, 'Each', {
    itemsPath: sfn.JsonPath.stringAt('$.items'),
    maxConcurrency: 2,
    label: 'Each',
  });
  map.itemProcessor(new sfn.Wait(stack, 'Waits', { time: sfn.WaitTime.secondsPath('$.seconds') }), {
    mode: sfn.ProcessorMode.DISTRIBUTED,
    executionType: sfn.ProcessorType.STANDARD,
  });
  const machine = new sfn.StateMachine(stack, 'Map', {
    stateMachineName: `${stack.stackName}-map`,
    definitionBody: sfn.DefinitionBody.fromChainable(map),
  });
  output('StateMachine', machine.stateMachineArn);
}

function deployment(
  stack: Stack,
  logGroup: logs.LogGroup,
  context: (key: string, fallback: string) => string,
  output: (key: string, value: string) => void,
): void {
  const version = context('version', '1');
  const common = {
    ...ARM,
    code: handler('deployment', version),
    timeout: Duration.seconds(30),
    memorySize: 256,
    logGroup,
  };
  const functions = ['onEvent', 'isComplete'].map((name) => {
    const made = new lambda.Function(stack, name, { ...common, handler: `index.${name}` });
    made.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ['cloudformation:DescribeStacks', 'cloudformation:DescribeStackEvents'],
        resources: [stack.stackId],
      }),
    );
    return made;
  });
  const provider = new Provider(stack, 'Provider', {
    onEventHandler: functions[0]!,
    isCompleteHandler: functions[1]!,
    queryInterval: Duration.millis(QUERY_INTERVAL_MS),
    totalTimeout: Duration.minutes(10),
    logGroup,
  });
  const ours = new CustomResource(stack, 'Deployment', {
    serviceToken: provider.serviceToken,
    serviceTimeout: Duration.minutes(15),
    properties: {
      version,
      seconds: context('seconds', '0'),
      fails: context('ours', 'ok') === 'fails' ? 'yes' : 'no',
    },
  });
  output('DeploymentLogGroup', logGroup.logGroupName);
  service(stack, ours, logGroup, version, context);
}

/** What fails, after the custom resource or beside it. */
function service(
  stack: Stack,
  ours: CustomResource,
  logGroup: logs.LogGroup,
  version: string,
  context: (key: string, fallback: string) => string,
): void {
  const wanted = context('service', 'ok');
  const comesUp = new lambda.Function(stack, 'ServiceHandler', {
    ...ARM,
    handler: 'index.handler',
    timeout: Duration.seconds(30),
    logGroup,
    code: lambda.Code.fromInline(`
exports.handler = async (event) => {
  const fails = event.RequestType !== 'Delete' && event.ResourceProperties.wanted.startsWith('fails');
  if (fails) await new Promise((go) => setTimeout(go, 10000));
  await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify({
    Status: fails ? 'FAILED' : 'SUCCESS', Reason: 'the service does not come up', PhysicalResourceId: 'service',
    StackId: event.StackId, RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId }) });
};`),
  });
  const made = new CustomResource(stack, 'Service', {
    serviceToken: comesUp.functionArn,
    serviceTimeout: Duration.minutes(5),
    properties: { version, wanted },
  });
  if (wanted !== 'fails-beside') made.node.addDependency(ours);
  if (context('nested', 'yes') !== 'yes') return;
  const nested = new NestedStack(stack, 'Nested');
  new ssm.StringParameter(nested, 'Parameter', { stringValue: version });
  made.node.addDependency(nested);
}
