/**
 * Lambda, as far as a deployment needs it: functions by ARN, each invocation in a process of its own, warm ones used
 * again, all of them replaced when the code changes.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { buildSync } from 'esbuild';

export type Handler = (event: unknown, context: HandlerContext) => Promise<unknown>;
export interface HandlerContext {
  getRemainingTimeInMillis(): number;
}

/** A handler's file and export, to be run in processes; or a function, to be called in this one. */
export type Code = { readonly file: string; readonly exported: string } | Handler;

export interface FunctionSpec {
  readonly code: Code;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What Invoke answers. */
export interface Answer {
  readonly payload: string;
  readonly functionError: boolean;
}

/** How a test interferes with one invocation. */
export type Fault =
  | { readonly kind: 'kill'; readonly afterMs: number }
  /** The answer never reaches the caller; the function goes on. */
  | { readonly kind: 'silence' };

interface Environment {
  readonly child: ChildProcess;
  readonly generation: number;
  busy: boolean;
}

interface Deployed {
  spec: FunctionSpec;
  generation: number;
  readonly environments: Set<Environment>;
}

export interface FunctionsOptions {
  /** Where the AWS SDK finds everything. */
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly account: string;
  /** Where host.js is written. */
  readonly folder: string;
  /** @default - the Node that runs this */
  readonly node?: string;
}

export class Functions {
  /** Standard output and error of every function, by name. */
  readonly logs = new Map<string, string>();
  /** Milliseconds that each cold start took to load its module, by name. */
  readonly importMs = new Map<string, number[]>();
  /** Asked before each invocation. */
  fault: (name: string, event: unknown) => Fault | undefined = () => undefined;
  private readonly deployed = new Map<string, Deployed>();
  private readonly host: string;

  constructor(private readonly options: FunctionsOptions) {
    this.host = join(options.folder, 'host.js');
    const source = join(__dirname, 'host');
    buildSync({
      entryPoints: [existsSync(`${source}.ts`) ? `${source}.ts` : `${source}.js`],
      outfile: this.host,
      platform: 'node',
      format: 'cjs',
      logLevel: 'silent',
    });
  }

  arn(name: string): string {
    return `arn:aws:lambda:${this.options.region}:${this.options.account}:function:${name}`;
  }

  /** Creates the function, or gives it other code: what runs goes on, what comes next runs in the new code. */
  deploy(name: string, spec: FunctionSpec): void {
    const known = this.deployed.get(name);
    if (!known) this.deployed.set(name, { spec, generation: 0, environments: new Set() });
    else if (!isDeepStrictEqual(known.spec, spec)) {
      known.spec = spec;
      known.generation++;
      for (const environment of known.environments) if (!environment.busy) environment.child.kill();
    }
  }

  remove(name: string): void {
    for (const { child } of this.deployed.get(name)?.environments ?? []) child.kill();
    this.deployed.delete(name);
  }

  has(name: string): boolean {
    return this.deployed.has(nameOf(name));
  }

  /** @param arn name or ARN. Undefined: the caller never hears of it */
  async invoke(arn: string, payload: string): Promise<Answer | undefined> {
    const name = nameOf(arn);
    const deployed = this.deployed.get(name);
    if (!deployed) throw new Error(`there is no function ${name}`);
    const event = payload === '' ? {} : JSON.parse(payload);
    const fault = this.fault(name, event);
    const { code, timeoutMs } = deployed.spec;
    const answer =
      typeof code === 'function'
        ? await callHere(code, event, timeoutMs)
        : await this.callProcess(name, deployed, event, fault?.kind === 'kill' ? fault.afterMs : undefined);
    return fault?.kind === 'silence' ? undefined : answer;
  }

  private async callProcess(
    name: string,
    deployed: Deployed,
    event: unknown,
    killAfterMs: number | undefined,
  ): Promise<Answer> {
    const { timeoutMs } = deployed.spec;
    const requestId = randomUUID();
    const warm = [...deployed.environments].find((e) => !e.busy && e.generation === deployed.generation);
    const environment = warm ?? this.start(name, deployed);
    environment.busy = true;
    const { child } = environment;
    const timers: NodeJS.Timeout[] = [];
    let heard: (message: Record<string, unknown>) => void = () => {};
    let ended: (code: number | null, signal: string | null) => void = () => {};
    try {
      return await new Promise<Answer>((resolve) => {
        const dead = (errorType: string, what: string): void =>
          resolve({
            payload: JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${what}` }),
            functionError: true,
          });
        heard = (message) => {
          if (message.ready === true) {
            this.importMs.set(name, [...(this.importMs.get(name) ?? []), Number(message.importMs)]);
          } else if (typeof message.failed === 'string') {
            resolve({ payload: message.failed, functionError: true });
          } else resolve({ payload: String(message.payload), functionError: message.error === true });
        };
        ended = (code, signal) =>
          dead(
            'Runtime.ExitError',
            `Runtime exited with error: ${signal ? `signal: ${signal}` : `exit status ${code}`}`,
          );
        child.on('message', heard).once('exit', ended);
        child.send({ event, requestId, deadlineMs: Date.now() + timeoutMs });
        timers.push(
          setTimeout(() => {
            dead('Sandbox.Timedout', `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`);
            child.kill('SIGKILL');
          }, timeoutMs),
        );
        if (killAfterMs !== undefined) timers.push(setTimeout(() => child.kill('SIGKILL'), killAfterMs));
      });
    } finally {
      for (const timer of timers) clearTimeout(timer);
      child.off('message', heard).off('exit', ended);
      environment.busy = false;
      const stale = environment.generation !== deployed.generation || !this.deployed.has(name);
      if (stale || !child.connected) {
        child.kill();
        deployed.environments.delete(environment);
      }
    }
  }

  private start(name: string, deployed: Deployed): Environment {
    const { code, environment } = deployed.spec;
    if (typeof code === 'function') throw new Error(`${name} does not run in a process`);
    const { endpoint, port, region, folder, node } = this.options;
    const child = fork(this.host, [code.file, code.exported, String(port)], {
      cwd: folder,
      execPath: node ?? process.execPath,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        PATH: process.env.PATH,
        // Lambda's managed runtime brings the SDK's clients; here they are the project's own.
        NODE_PATH: sdkFolder(),
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_ENDPOINT_URL: endpoint,
        AWS_LAMBDA_FUNCTION_NAME: name,
        ...environment,
      },
    });
    const keep = (chunk: Buffer): void => {
      this.logs.set(name, (this.logs.get(name) ?? '') + chunk.toString('utf8'));
    };
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    // A message to a process that has just ended; its exit is what counts.
    child.on('error', () => {});
    const started: Environment = { child, generation: deployed.generation, busy: false };
    deployed.environments.add(started);
    return started;
  }

  async close(): Promise<void> {
    const children = [...this.deployed.values()].flatMap(({ environments }) => [...environments]);
    this.deployed.clear();
    await Promise.all(
      children.map(
        ({ child }) =>
          new Promise<void>((ended) => {
            if (child.exitCode !== null || child.signalCode !== null) ended();
            else {
              child.once('exit', () => ended());
              child.kill('SIGKILL');
            }
          }),
      ),
    );
  }
}

const nameOf = (arn: string): string => arn.split(':').at(-1)!;

const sdkFolder = (): string =>
  dirname(dirname(dirname(require.resolve('@aws-sdk/client-lambda/package.json'))));

async function callHere(handler: Handler, event: unknown, timeoutMs: number): Promise<Answer> {
  const deadlineMs = Date.now() + timeoutMs;
  try {
    const result = await handler(event, { getRemainingTimeInMillis: () => deadlineMs - Date.now() });
    return { payload: JSON.stringify(result ?? null), functionError: false };
  } catch (error) {
    const { name, message, stack } = error as Error;
    const payload = JSON.stringify({
      errorType: name,
      errorMessage: message,
      trace: (stack ?? '').split('\n'),
    });
    return { payload, functionError: true };
  }
}
