/** What whoever runs the live check has to be allowed. Pure. */
import { LOG_FOLDERS } from './log-groups';
import type { Part, Target } from './options';
import { NAMES } from './stack';

export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/** @param target what is not given stands as `*` */
export function policyFor({ account = '*', region = '*' }: Partial<Target>, parts: readonly Part[]): Policy {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  const arn = (service: string, resource: string, global = false) =>
    `arn:${partition}:${service}:${global ? '' : region}:${account}:${resource}`;
  const allow = (Sid: string, Action: readonly string[], Resource: readonly string[]): Statement => ({
    Sid,
    Effect: 'Allow',
    Action,
    Resource,
  });
  const reads = [
    // None of them has resources to name. GetCallerIdentity needs no permission.
    allow(
      'Reads',
      [
        'logs:TestMetricFilter',
        'rds:DescribeEngineDefaultParameters',
        'rds:DescribeEngineDefaultClusterParameters',
      ],
      ['*'],
    ),
  ];
  const made = [
    // The command line deploys with the roles that `cdk bootstrap` made; what they may do is the bootstrap's choice.
    allow('Deploys', ['sts:AssumeRole'], [arn('iam', `role/cdk-*-${account}-${region}`, true)]),
    // A list names no stack: --sweep looks for the tag in it, and for log groups by their name.
    allow('Lists', ['cloudformation:DescribeStacks', 'logs:DescribeLogGroups'], ['*']),
    allow(
      'LeftLogs',
      ['logs:DeleteLogGroup'],
      LOG_FOLDERS.flatMap((folder) => [
        arn('logs', `log-group:${folder}${NAMES}`),
        arn('logs', `log-group:${folder}${NAMES}:*`),
      ]),
    ),
    allow(
      'Stacks',
      [
        'cloudformation:DescribeStackEvents',
        'cloudformation:DescribeStackResources',
        'cloudformation:DeleteStack',
        'cloudformation:CancelUpdateStack',
      ],
      [arn('cloudformation', `stack/${NAMES}/*`)],
    ),
    allow('AsksFunctions', ['lambda:InvokeFunction'], [arn('lambda', `function:${NAMES}`)]),
    allow(
      'Logs',
      ['logs:FilterLogEvents', 'logs:PutMetricFilter'],
      [arn('logs', `log-group:${NAMES}`), arn('logs', `log-group:${NAMES}:*`)],
    ),
    allow(
      'Map',
      [
        'states:StartExecution',
        'states:StopExecution',
        'states:DescribeExecution',
        'states:GetExecutionHistory',
        'states:ListMapRuns',
        'states:DescribeMapRun',
        'states:ListExecutions',
      ],
      ['stateMachine', 'execution', 'mapRun'].flatMap((kind) => [
        arn('states', `${kind}:${NAMES}`),
        arn('states', `${kind}:${NAMES}/*`),
      ]),
    ),
  ];
  const databases = [
    allow(
      'Databases',
      ['ec2:DescribeSecurityGroups', 'rds:DescribeDBClusters', 'rds:DescribeDBEngineVersions'],
      ['*'],
    ),
    allow(
      'ServerLogs',
      ['logs:FilterLogEvents'],
      ['instance', 'cluster'].map((kind) => arn('logs', `log-group:/aws/rds/${kind}/${NAMES}`)),
    ),
  ];
  const has = (...some: Part[]): boolean => parts.some((part) => some.includes(part));
  return {
    Version: '2012-10-17',
    Statement: [
      ...reads,
      ...(has('stack', 'instance', 'aurora') ? made : []),
      ...(has('instance', 'aurora') ? databases : []),
    ],
  };
}

/** JSON, a statement a line. */
export const policyText = ({ Version, Statement }: Policy): string =>
  [
    '{',
    `  "Version": "${Version}",`,
    '  "Statement": [',
    Statement.map((each) => `    ${JSON.stringify(each)}`).join(',\n'),
    '  ]',
    '}',
  ].join('\n');
