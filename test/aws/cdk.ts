/** The real `cdk` command line on one stack of test/aws/app.ts. */
import { mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { supervised } from '../e2e/support/supervised';
import type { Target } from './options';
import type { Deployed } from './stack';

const ROOT = resolve(__dirname, '../..');
const CDK = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
const APP = [process.execPath, '--import', require.resolve('tsx'), join(__dirname, 'app.ts')];

export interface CdkTarget extends Target {
  readonly folder: string;
  readonly stack: string;
}

/** Processes that run now: whoever leaves ends them first. */
const running = new Set<{ stop(): Promise<void> }>();
export const stopRunning = async (): Promise<void> => {
  await Promise.all([...running].map((each) => each.stop()));
};

export async function cdk(
  { folder, stack, account, region }: CdkTarget,
  command: string,
  context: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<Deployed> {
  const args = [
    command,
    stack,
    ...['--ci', '--no-color', '--no-notices', '--no-version-reporting'],
    ...(command === 'deploy' ? ['--require-approval', 'never', '--progress', 'events'] : []),
    ...['--output', mkdtempSync(join(folder, 'cdk.out-'))],
    // It must not begin with a quote: cdk would take it off.
    ...['--app', `exec ${APP.map((word) => `"${word}"`).join(' ')}`],
    ...Object.entries(context).flatMap(([key, value]) => ['--context', `${key}=${value}`]),
    ...flags,
  ];
  const child = supervised([process.execPath, CDK, ...args], {
    cwd: folder,
    env: {
      ...process.env,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      LIVE_ACCOUNT: account,
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      CDK_DISABLE_VERSION_CHECK: '1',
      JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION: '1',
    },
  });
  running.add(child);
  const chunks: Buffer[] = [];
  for (const stream of [child.process.stdout!, child.process.stderr!])
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const exitCode = await child.ended;
  running.delete(child);
  return { exitCode, output: Buffer.concat(chunks).toString('utf8') };
}
