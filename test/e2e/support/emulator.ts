/** The local AWS of test/e2e/local-aws as a process of ours. */
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOCAL_AWS } from './python';
import { supervised } from './supervised';

export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';
const START_TIMEOUT_MS = 60_000;
const ROOT = resolve(__dirname, '../../..');

export interface EmulatorOptions {
  /** From {@link pythonWithRequirements}. */
  readonly python: string;
  /** Holds everything that it writes; removed with it. */
  readonly folder: string;
  /** Where {@link startRds} registers the servers behind RDS. */
  readonly databases: string;
  /** PEM file that stands for the roots which Lambda's runtime ships. */
  readonly rootsFile: string;
}

export interface Emulator {
  readonly endpoint: string;
  readonly logFile: string;
  stop(): Promise<void>;
}

/** Alarms and schedules add the number in this file, seconds, to the time. */
const clockFile = (folder: string): string => join(folder, 'clock');

export const shiftClock = (folder: string, seconds: number): void =>
  writeFileSync(clockFile(folder), String(seconds));

/** What a client of the emulator has in its environment, and nothing of the developer's own AWS settings. */
export function awsEnvironment(endpoint: string, home: string): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(AWS|CDK|PG|NODE_OPTIONS|NODE_EXTRA|VITEST|TRUEUP)/.test(entry[0]),
  );
  return {
    ...Object.fromEntries(inherited),
    // The Node that runs the tests runs the functions and the command line.
    PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
    HOME: home,
    AWS_CONFIG_FILE: join(home, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(home, 'no-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
  };
}

/** @throws {Error} with the emulator's last words when it does not answer */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { folder } = options;
  const [temporary, home] = [join(folder, 'tmp'), join(folder, 'home')];
  for (const each of [temporary, home]) mkdirSync(each, { recursive: true });

  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const logFile = join(folder, 'emulator.log');
  const child = supervised([options.python, '-B', join(LOCAL_AWS, 'main.py')], {
    cwd: folder,
    logFile,
    env: {
      ...awsEnvironment(endpoint, home),
      TMPDIR: temporary,
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      LAMBDA_EXECUTOR: 'local',
      // Without it the emulator also listens on every interface.
      IOT_MTLS_ENABLED: '0',
      S3_DATA_DIR: join(folder, 's3'),
      STATE_DIR: join(folder, 'state'),
      // AWS's runtime brings the SDK; here the functions find ours.
      NODE_PATH: join(ROOT, 'node_modules'),
      LOCAL_AWS_ROOTS: options.rootsFile,
      LOCAL_AWS_DATABASES: options.databases,
      LOCAL_AWS_CLOCK_FILE: clockFile(folder),
    },
  });
  let running = true;
  void child.ended.then(() => {
    running = false;
  });
  for (const end = Date.now() + START_TIMEOUT_MS; running && Date.now() < end; await sleep(100)) {
    if (await answers(`${endpoint}/_ministack/health`)) {
      return {
        endpoint,
        logFile,
        stop: () => child.stop(),
      };
    }
  }
  const words = readFileSync(logFile, 'utf8').split('\n').slice(-20).join('\n');
  await child.stop();
  throw new Error(`The local AWS did not start:\n${words}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

/** Below the ports that the system gives to outgoing connections, so that none takes it before the emulator does. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const probe = createServer();
    const free = await new Promise<boolean>((answer) => {
      probe.once('error', () => answer(false)).listen(port, '127.0.0.1', () => answer(true));
    });
    await new Promise((closed) => probe.close(closed));
    if (free) return port;
  }
}
