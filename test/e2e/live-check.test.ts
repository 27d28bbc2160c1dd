/** `npm run test:aws` as a process, against the local AWS: as far as that goes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DescribeLogGroupsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, describe, expect, test } from 'vitest';
import { ACCOUNT, awsEnvironment, REGION } from './support/emulator';
import { LogExport } from './support/log-export';
import { type Rds, startRds } from './support/rds';
import { available, clientConfig, localAws, ROOT } from './support/scenario';

const TIMEOUT_MS = 540_000;
const running = new Set<ChildProcess>();

interface Run {
  readonly process: ChildProcess;
  /** What was written until now. */
  readonly seen: { out: string; err: string };
  readonly ended: Promise<number | null>;
}

function start(...args: string[]): Run {
  const { endpoint, folder } = localAws();
  const child = spawn(
    process.execPath,
    ['--import', require.resolve('tsx'), join(ROOT, 'test', 'aws', 'main.ts'), ...args],
    {
      cwd: folder,
      env: { ...awsEnvironment(endpoint, join(folder, 'home')) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  running.add(child);
  const seen = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    seen.out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    seen.err += chunk.toString('utf8');
  });
  const ended = new Promise<number | null>((done) => child.on('close', done)).finally(() =>
    running.delete(child),
  );
  return { process: child, seen, ended };
}

const here = ['--account', ACCOUNT, '--region', REGION];

/** Names of the live check's stacks that are there now. */
async function stacks(): Promise<string[]> {
  const { Stacks = [] } = await new CloudFormationClient(clientConfig()).send(new DescribeStacksCommand({}));
  return Stacks.map(({ StackName }) => StackName!).filter((name) => name.startsWith('trueup-live-'));
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + TIMEOUT_MS; Date.now() < end; await sleep(200)) if (await holds()) return;
  throw new Error(`It did not come to this: ${what}`);
}

/** The server's log, in the group as soon as the stack has made that; null when the program ended before. */
async function exported(group: string, { server }: Rds, ended: Promise<unknown>): Promise<LogExport | null> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (; !over; await sleep(200)) {
    try {
      return await LogExport.start(group, server);
    } catch (error) {
      if ((error as Error).name !== 'ResourceNotFoundException') throw error;
    }
  }
  return null;
}

describe.runIf(available())('the live check', () => {
  afterAll(() => {
    for (const each of running) each.kill('SIGKILL');
  });

  test('refuses another account than the one that it was told, and makes nothing', async () => {
    const { ended, seen } = start('--account', '111122223333', '--region', REGION, '--yes');
    expect(await ended).toBe(2);
    expect(seen.err).toMatch(
      new RegExp(`are of the account ${ACCOUNT}, not of 111122223333. Nothing was tried.`),
    );
    expect(await stacks()).toEqual([]);
  });

  test('says the cost and the policy first, and makes nothing until somebody says yes', async () => {
    const { ended, seen } = start(...here);
    expect(await ended).toBe(2);
    expect(seen.err).toMatch(/"sts:AssumeRole"/);
    expect(seen.err).toMatch(/together, at most about +0\.01/);
    expect(seen.err).toMatch(/Nobody can answer here: give --yes\. Nothing was done\.\n$/);
    expect(await stacks()).toEqual([]);
  });

  test('the steps, their recordings, and nothing left', { timeout: TIMEOUT_MS }, async () => {
    const recordings = mkdtempSync(join(localAws().folder, 'recordings-'));
    const steps = [
      'filter-patterns',
      'engine-parameters',
      'metric-filters',
      'describe-alarms',
      'map-stopped',
      'map-results',
      'map-denied',
      'rights-at-once',
      'late-failure',
    ];
    const { ended, seen } = start(
      ...here,
      '--yes',
      '--json',
      '--recordings',
      recordings,
      '--only',
      steps.join(),
    );
    expect(await ended, seen.err).toBe(0);
    const { run, local, results } = JSON.parse(seen.out) as {
      run: string;
      local: boolean;
      results: { step: string; findings: { outcome: string; words: string }[]; notSettledHere: string }[];
    };
    expect(local).toBe(true);
    expect(results.map(({ step }) => step)).toEqual(steps);
    const findings = results.flatMap((each) => each.findings);
    // A model settles nothing, and each step says why.
    expect(new Set(findings.map(({ outcome }) => outcome))).toEqual(new Set(['not-settled']));
    expect(results.filter(({ notSettledHere }) => !notSettledHere)).toEqual([]);
    const words = findings.map((each) => each.words).join('\n');
    expect(words).toMatch(/CloudWatch matches what is expected: \d+ patterns on \d+ lines\./);
    expect(words).toMatch(/CloudFormation made all \d+ filters/);
    expect(words).toMatch(/DescribeAlarms answers under the pager's role/);
    expect(words).toMatch(/The stopped execution is ABORTED/);
    expect(words).toMatch(/Step Functions takes the prefix of the results from the run's state/);
    expect(words).toMatch(/two tenants answered, and the function of one died/);
    expect(words).toMatch(/A map without the right to write its results was caught with no error/);
    expect(words).toMatch(/A run that begins as soon as its roles are made comes to its end/);
    expect(words).toMatch(/The rollback calls the old code/);
    expect(words).toMatch(/The rollback's Update has the failed properties as the old ones/);
    expect(words).toMatch(
      /Trueup's reading of the events: a rollback, after its own resource had reported success/,
    );
    expect(words).toMatch(/Through \d+ looks the stack's status stays UPDATE_IN_PROGRESS/);
    expect(await stacks()).toEqual([]);

    const files = readdirSync(recordings);
    expect(files.sort()).toEqual(
      steps
        .filter((each) => each !== 'engine-parameters')
        .map((each) => `${each}.json`)
        .sort(),
    );
    const host = new URL(localAws().endpoint).host;
    for (const file of files) {
      const text = readFileSync(join(recordings, file), 'utf8');
      for (const canary of [
        ACCOUNT,
        run,
        host,
        host.split(':')[1]!,
        'arn:aws',
        'amazonaws',
        localAws().folder,
      ])
        expect(text.includes(canary), `${file} holds ${canary}`).toBe(false);
      expect(JSON.parse(text)).toMatchObject({ source: 'local' });
    }
  });

  test.each([
    {
      part: 'instance',
      run: 'rinstanc',
      steps: ['iam-login', 'egress', 'instance-log', 'interfaces-released'],
      words: [
        /logs in with a token/,
        / of 3 security groups of the stack let/,
        /with SQLSTATE 23502/,
        /log group is still as the stack had made it/,
        /Each of \d+ events begins with a prefix that Trueup reads; [1-9]\d* hold continuation lines/,
        /errors are logged without DETAIL and CONTEXT/,
        /nothing stood in the way/,
      ],
    },
    {
      part: 'aurora',
      run: 'rauroraa',
      steps: ['data-api', 'aurora-log'],
      words: [
        /runs through the Data API/,
        /with SQLSTATE 23502/,
        /Each of \d+ events/,
        /without DETAIL and CONTEXT/,
      ],
    },
  ])('with a server: $part', { timeout: TIMEOUT_MS }, async ({ part, run, steps, words }) => {
    const name = `trueup-live-${run}-${part}`;
    const rds = await startRds(name);
    const group = `/aws/rds/${part === 'aurora' ? 'cluster' : 'instance'}/${name}/postgresql`;
    try {
      const { ended, seen } = start(
        ...here,
        `--${part}`,
        '--run',
        run,
        '--yes',
        '--json',
        '--only',
        steps.join(),
      );
      const log = await exported(group, rds, ended);
      await Promise.race([ended, until('it is deleted', async () => seen.err.includes('\nDeleting '))]);
      await log?.stop();
      expect(await ended, seen.err).toBe(0);
      const { results } = JSON.parse(seen.out) as {
        results: { step: string; findings: { words: string }[] }[];
      };
      expect(results.map(({ step }) => step)).toEqual(steps);
      const all = results.flatMap(({ findings }) => findings.map((each) => each.words)).join('\n');
      for (const each of words) expect(all).toMatch(each);
      expect(await stacks()).toEqual([]);
    } finally {
      await rds.stop();
    }
  });

  test('Ctrl-C starts the deletion of what was made', { timeout: TIMEOUT_MS }, async () => {
    const { process: child, ended, seen } = start(...here, '--yes', '--only', 'describe-alarms');
    await until('a stack is made', async () => (await stacks()).length > 0);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(seen.err).toMatch(/The deletion of trueup-live-r\w{7}-stack has been started\./);
    expect(seen.err).toMatch(/--sweep --run r\w{7}/);
    await until('the stack is gone', async () => (await stacks()).length === 0);
  });

  test('--sweep deletes what a kill has left, and only what it was told', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { process: child, ended, seen } = start(...here, '--yes', '--only', 'describe-alarms');
    await until('a stack is made', async () => (await stacks()).length > 0);
    child.kill('SIGKILL');
    await ended;
    const [, run] = /^Run (\w+)$/m.exec(seen.err)!;
    // As Lambda and RDS make one, for lines that arrive when the stack is gone.
    const logs = new CloudWatchLogsClient(clientConfig());
    const [left, another] = [
      `/aws/lambda/trueup-live-${run}-instance-x`,
      '/aws/lambda/trueup-live-rother99-x',
    ];
    for (const logGroupName of [left, another]) await logs.send(new CreateLogGroupCommand({ logGroupName }));
    const groups = async () =>
      (
        await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/aws/lambda/trueup-live-' }))
      ).logGroups!.map(({ logGroupName }) => logGroupName);

    const other = start(...here, '--sweep', '--run', 'rother00', '--yes');
    expect(await other.ended).toBe(0);
    expect(other.seen.err).toMatch(/Nothing is left\.\n$/);
    expect(await stacks()).toHaveLength(1);

    const asked = start(...here, '--sweep');
    expect(await asked.ended).toBe(2);
    expect(await stacks()).toHaveLength(1);

    const swept = start(...here, '--sweep', '--run', run!, '--yes');
    expect(await swept.ended, swept.seen.err).toBe(0);
    expect(await stacks()).toEqual([]);
    expect(await groups()).not.toContain(left);
    expect(await groups()).toContain(another);
  });
});
