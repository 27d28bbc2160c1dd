/** The real `cdk` command line, against the local AWS. */
import { mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { awsEnvironment } from './emulator';
import { type Finished, runToEnd } from './supervised';

const ROOT = resolve(__dirname, '../../..');
const CDK = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
const DEFAULT_TIMEOUT_MS = 600_000;

/** The command that runs an app from its sources, from any folder. It must not begin with a quote: cdk would take it off. */
export const nodeApp = (file: string): string =>
  `exec ${[process.execPath, '--import', require.resolve('tsx'), file].map((word) => `"${word}"`).join(' ')}`;

/** An app of test/e2e/apps. */
export const testApp = (name: string): string => nodeApp(join(ROOT, 'test', 'e2e', 'apps', `${name}.ts`));

/** For a message: what failed, without the events of everything else. */
export function reason({ output }: Finished): string {
  const from = output.indexOf('Failed resources:');
  return from < 0 ? output.split('\n').slice(-30).join('\n') : output.slice(from);
}

export interface CdkRun extends Finished {
  /** The folder that the app was synthesized into; it can be given as `app` and saves the next run that work. */
  readonly assembly: string;
}

export interface CdkOptions {
  /** A command, or the folder of a cloud assembly. @default - that of cdk.json in `cwd` */
  readonly app?: string;
  /** @default - a folder without cdk.json */
  readonly cwd?: string;
  readonly context?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export class CdkCli {
  /** @param folder holds home and cdk.out, and is removed by whoever made it */
  constructor(
    private readonly endpoint: string,
    private readonly folder: string,
  ) {}

  async run(command: readonly string[], options: CdkOptions = {}): Promise<CdkRun> {
    const assembly = mkdtempSync(join(this.folder, 'cdk.out-'));
    const args = [
      ...command,
      '--ci',
      '--no-color',
      '--no-notices',
      '--no-version-reporting',
      '--output',
      assembly,
      ...(options.app ? ['--app', options.app] : []),
      ...Object.entries(options.context ?? {}).flatMap(([key, value]) => ['--context', `${key}=${value}`]),
    ];
    const finished = await runToEnd([process.execPath, CDK, ...args], {
      cwd: options.cwd ?? this.folder,
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      env: {
        ...awsEnvironment(this.endpoint, join(this.folder, 'home')),
        CDK_HOME: join(this.folder, 'home', '.cdk'),
        CDK_DISABLE_CLI_TELEMETRY: 'true',
        CDK_DISABLE_VERSION_CHECK: '1',
        JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION: '1',
      },
    });
    return { ...finished, assembly };
  }

  bootstrap(): Promise<CdkRun> {
    return this.run(['bootstrap', 'aws://000000000000/us-east-1']);
  }

  deploy(
    stacks: readonly string[],
    options: CdkOptions & { readonly flags?: readonly string[] } = {},
  ): Promise<CdkRun> {
    const flags = ['--require-approval', 'never', '--progress', 'events', ...(options.flags ?? [])];
    return this.run(['deploy', ...stacks, ...flags], options);
  }

  destroy(stacks: readonly string[], options: CdkOptions = {}): Promise<CdkRun> {
    return this.run(['destroy', ...stacks, '--force'], options);
  }
}
