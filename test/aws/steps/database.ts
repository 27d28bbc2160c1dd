/** A server that the library makes, with a schema that it migrates. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeLogGroupsCommand, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { parseLogLine } from '../../../lambda/page/logs/log-lines';
import type { Part } from '../options';
import { element, elements, query } from '../query';
import { eventsOf, type LiveStack, statusOf } from '../stack';
import { type Finding, found, notSettled, type Step, type StepContext } from '../step';
import { until } from '../until';

const GOOD = `-- migrate:up
CREATE TABLE live (id bigint PRIMARY KEY, word text);
-- migrate:verify
SELECT 'no table' WHERE to_regclass('public.live') IS NULL;
`;
/** Fails on the server, in a statement of two lines, with a comment that holds colons. */
const BAD = `-- migrate:up
/* not a :parameter */
INSERT INTO live (id, word)
VALUES (NULL, ':word');
-- migrate:no-verify It fails.
`;
const SQLSTATE = '23502';

/** The folder of migrations that the stack is made with. */
export function migrations(folder: string, which: 'good' | 'bad'): string {
  const own = join(folder, `migrations-${which}`);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, '0001_live.sql'), GOOD);
  if (which === 'bad') writeFileSync(join(own, '0002_bad.sql'), BAD);
  return own;
}

const local = { why: 'a PostgreSQL of this machine stands for RDS' } as const;

const deployed = (part: Part, id: string, title: string, words: string): Step => ({
  id,
  part,
  title,
  locally: local,
  // The stack has been made with a migration in it, and the part does not come here otherwise.
  async run({ aws, stack }) {
    const { Ask } = await stack.outputs();
    const { Payload, FunctionError } = await aws.lambda.send(
      new InvokeCommand({ FunctionName: Ask, Payload: Buffer.from(JSON.stringify({ action: 'status' })) }),
    );
    const answer = Buffer.from(Payload ?? []).toString('utf8');
    return [
      found(
        !FunctionError && /"0001_live"/.test(answer),
        words,
        'The schema was deployed, but the function that answers questions does not know its migration.',
      ),
    ];
  },
});

export const iamLogin = deployed(
  'instance',
  'iam-login',
  'a migration from the VPC, with IAM authentication and without rights for its own network interfaces',
  'The function works in the VPC though its code is denied the calls for network interfaces, and logs in with a token after the first login with the password.',
);

export const dataApi = deployed(
  'aurora',
  'data-api',
  'a migration through the Data API, at 0 capacity units',
  'A migration runs through the Data API, and its proof is read back.',
);

/** A migration fails, and what the server logs of it arrives in the group that the stack had made before. */
const serverLog = (part: 'instance' | 'aurora', id: string): Step => ({
  id,
  part,
  title: "a migration that fails: its reason, and the server's log in CloudWatch",
  locally: local,
  async run(context) {
    const { aws, stack, tell, record } = context;
    const failed = await stack.deploy({ folder: migrations(stack.folder, 'bad') });
    const status = await statusOf(aws, stack.name);
    if (failed.exitCode === 0 || status !== 'UPDATE_ROLLBACK_COMPLETE')
      throw new Error(`The migration that fails left the stack ${status}.`);
    const reasons = (await eventsOf(aws, stack.name)).map(
      ({ ResourceStatusReason = '' }) => ResourceStatusReason,
    );
    const { LogGroupName } = await stack.outputs();
    tell("waiting for the server's log");
    const lines = await until(async () => {
      const all = await logLines(context, LogGroupName!);
      return all.some((each) => each.includes('null value in column')) ? all : null;
    }, 600_000);
    const { logGroups = [] } = await aws.logs.send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: LogGroupName }),
    );
    const read = lines === null ? null : shape(lines);
    record({ retention: logGroups[0]?.retentionInDays ?? null, lines: read });
    return [
      found(
        reasons.some((each) => each.includes(SQLSTATE)),
        `The stack's events give the reason, with SQLSTATE ${SQLSTATE}.`,
        `No reason in the stack's events holds SQLSTATE ${SQLSTATE}.`,
      ),
      found(
        logGroups[0]?.retentionInDays === 7,
        'The log group is still as the stack had made it.',
        `The log group keeps its lines for ${logGroups[0]?.retentionInDays ?? 'ever'}, not for the 7 days of the stack.`,
      ),
      ...(read === null
        ? [notSettled("The error did not arrive in the server's log group within ten minutes.")]
        : judgeLines(read)),
    ];
  },
});

export const instanceLog = serverLog('instance', 'instance-log');
export const auroraLog = serverLog('aurora', 'aurora-log');

/** What is told of the lines: never their text. */
export interface LogShape {
  readonly events: number;
  /** That begin with a prefix as it is read. */
  readonly parsed: number;
  /** With several lines, of which all but the first begin with a TAB. */
  readonly continued: number;
  /** With several lines otherwise. */
  readonly torn: number;
  readonly severities: Readonly<Record<string, number>>;
}

export function shape(events: readonly string[]): LogShape {
  const severities: Record<string, number> = {};
  let [parsed, continued, torn] = [0, 0, 0];
  for (const event of events) {
    const line = parseLogLine(event);
    if (line !== null) {
      parsed++;
      severities[line.severity] = (severities[line.severity] ?? 0) + 1;
    }
    const rest = event.trimEnd().split('\n').slice(1);
    if (rest.length > 0 && rest.every((each) => each.startsWith('\t'))) continued++;
    else if (rest.length > 0) torn++;
  }
  return { events: events.length, parsed, continued, torn, severities };
}

export function judgeLines({ events, parsed, continued, torn, severities }: LogShape): Finding[] {
  return [
    found(
      parsed === events && torn === 0,
      `Each of ${events} events begins with a prefix that Trueup reads; ${continued} hold continuation lines.`,
      `Of ${events} events, ${events - parsed} begin with no prefix that Trueup reads, and ${torn} hold lines of several.`,
    ),
    found(
      !severities.DETAIL && !severities.CONTEXT,
      'The parameter group rules: errors are logged without DETAIL and CONTEXT.',
      `The parameter group does not rule: ${severities.DETAIL ?? 0} DETAIL and ${severities.CONTEXT ?? 0} CONTEXT lines were logged.`,
    ),
  ];
}

async function logLines({ aws }: Pick<StepContext, 'aws'>, logGroupName: string): Promise<string[]> {
  const lines: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await aws.logs.send(new FilterLogEventsCommand({ logGroupName, nextToken, startTime: 0 }));
    lines.push(...(page.events ?? []).map(({ message = '' }) => message));
    nextToken = page.nextToken;
  } while (nextToken);
  return lines;
}

export const egress: Step = {
  id: 'egress',
  part: 'instance',
  title: "the security group of the schema's functions",
  locally: { why: 'the local AWS records security groups and enforces none' },
  async run({ aws, stack, record }) {
    const xml = await query('ec2', aws.region, 'DescribeSecurityGroups', {
      'Filter.1.Name': 'tag:aws:cloudformation:stack-name',
      'Filter.1.Value.1': stack.name,
    });
    const rules = elements(xml, 'ipPermissionsEgress');
    const open = rules.filter(
      (each) => /<ipProtocol>-1</.test(each) && /0\.0\.0\.0\/0|::\/0/.test(each),
    ).length;
    record({ groups: rules.length, open });
    if (rules.length === 0) return [notSettled('No security group of the stack was found by its tag.')];
    return [
      found(
        open === 0,
        `None of ${rules.length} security groups of the stack lets everything out.`,
        `${open} of ${rules.length} security groups of the stack let everything out.`,
      ),
    ];
  },
};

export const interfacesReleased: Step = {
  id: 'interfaces-released',
  part: 'instance',
  title: 'the deletion, with functions in the VPC',
  after: true,
  locally: { why: 'functions of the local AWS have no network interfaces' },
  async run({ aws, stack, record }) {
    const events = (await eventsOf(aws, stack.id!)).filter(({ ResourceStatus }) =>
      ResourceStatus?.startsWith('DELETE_'),
    );
    const failed = events.filter(({ ResourceStatus }) => ResourceStatus === 'DELETE_FAILED');
    const seconds =
      ((events.at(-1)?.Timestamp?.getTime() ?? 0) - (events[0]?.Timestamp?.getTime() ?? 0)) / 1_000;
    record({
      seconds,
      failed: failed.map(({ ResourceType, ResourceStatusReason }) => [ResourceType, ResourceStatusReason]),
    });
    return [
      found(
        failed.length === 0,
        `The stack was deleted in ${Math.round(seconds / 60)} minutes, and nothing stood in the way.`,
        `The deletion of ${failed.map(({ ResourceType }) => ResourceType).join(', ')} failed first.`,
      ),
    ];
  },
};

/** Another major version in the template, and nothing else. */
export const auroraUpgrade: Step = {
  id: 'aurora-upgrade',
  part: 'aurora',
  title: 'another major version of the cluster, without AllowMajorVersionUpgrade',
  locally: { why: 'the PostgreSQL that stands for Aurora cannot become another', skip: true },
  async run(context) {
    const target = await upgradeTarget(context.aws.region, context.stack);
    if (target === null) return [notSettled('RDS names no other major version that this one can become.')];
    context.tell(`to ${target}; this takes a quarter of an hour`);
    const { exitCode, output } = await context.stack.deploy({
      folder: migrations(context.stack.folder, 'good'),
      server: target,
    });
    if (exitCode === 0) return [found(true, `CloudFormation upgraded the cluster to ${target}.`, '')];
    return /AllowMajorVersionUpgrade/i.test(output)
      ? [found(false, '', 'CloudFormation refuses another major version without AllowMajorVersionUpgrade.')]
      : [notSettled(`The upgrade to ${target} failed for another reason; see the events of the stack.`)];
  },
};

async function upgradeTarget(region: string, { name }: LiveStack): Promise<string | null> {
  const cluster = await query('rds', region, 'DescribeDBClusters', { DBClusterIdentifier: name });
  const version = element(cluster, 'EngineVersion');
  const described = await query('rds', region, 'DescribeDBEngineVersions', {
    Engine: 'aurora-postgresql',
    EngineVersion: version ?? '',
  });
  const targets = elements(described, 'UpgradeTarget').filter(
    (each) => element(each, 'IsMajorVersionUpgrade') === 'true',
  );
  return targets.map((each) => element(each, 'EngineVersion')).at(-1) ?? null;
}
