/**
 * The conductor plays CloudFormation on this machine: real provider framework, real handlers in processes of their own,
 * real SDK. What it stands in for is the services that they ask: CloudFormation, Lambda, Step Functions, Secrets Manager.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeOutput } from '../../../../lambda/contract/stack-outputs';
import { CustomResources } from './custom-resource';
import { escapeXml, listen, ServiceError, type Services } from './endpoint';
import { type Answer, type FunctionSpec, Functions } from './functions';
import { type RecordedEvent, Stack } from './stack';
import { runWaiter } from './waiter';

export interface ConductorOptions {
  /** The Node that runs the functions. @default - the one that runs this */
  readonly node?: string;
  /** Between two polls of the framework's state machine. @default - 20 ms */
  readonly queryIntervalMs?: number;
  /** @default - 10,000 */
  readonly maxAttempts?: number;
  /** How long CloudFormation waits for an answer. @default - 120,000 ms */
  readonly serviceTimeoutMs?: number;
  /** Where its files are written, in a folder of their own. @default - the system's folder for temporary files */
  readonly folder?: string;
  /** Secret texts by ARN. */
  readonly secrets?: Record<string, string>;
}

/** One version of our code: what a stack's functions run. */
export interface StackCode {
  readonly onEvent: FunctionSpec;
  readonly isComplete: FunctionSpec;
  readonly migrate: FunctionSpec;
  /** Absent as in a stack of an older version: then `migrate` answers questions too. */
  readonly ask?: FunctionSpec;
}

const REGION = 'us-east-1';
const ACCOUNT = '111122223333';
const FRAMEWORK_TIMEOUT_MS = 15 * 60_000;
/** DescribeStackEvents' own page size. */
const EVENTS_A_PAGE = 100;

/** The functions of a stack, by the names under which they are deployed. */
export const functionName = (stack: string, role: 'on-event' | 'is-complete' | 'migrate' | 'ask'): string =>
  `${stack}-${role}`;

export class Conductor {
  readonly secrets: Record<string, string>;
  /** Asked before every call of a service, by its action: throws what the SDK is told. */
  refuse: (action: string) => ServiceError | undefined = () => undefined;
  private readonly stacks = new Map<string, Stack<StackCode>>();
  private readonly resources = new Map<string, CustomResources>();
  private closed = false;

  private constructor(
    private readonly options: ConductorOptions,
    readonly functions: Functions,
    readonly endpoint: string,
    private readonly stop: () => Promise<void>,
  ) {
    this.secrets = { ...options.secrets };
  }

  static async start(options: ConductorOptions = {}): Promise<Conductor> {
    const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'trueup-conductor-'));
    // Also when the process ends in the middle.
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    const { server, port } = await listen(() => conductor.services);
    const endpoint = `http://127.0.0.1:${port}`;
    const functions = new Functions({
      endpoint,
      port,
      region: REGION,
      account: ACCOUNT,
      folder,
      node: options.node,
    });
    const conductor: Conductor = new Conductor(options, functions, endpoint, async () => {
      await functions.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      process.off('exit', remove);
      remove();
    });
    return conductor;
  }

  /** A stack that does not exist yet, with provider functions of its own. */
  stack(name: string): Stack<StackCode> {
    const { serviceTimeoutMs = 120_000 } = this.options;
    const framework = (exported: string): string => `${name}-framework-${exported}`;
    for (const exported of ['onEvent', 'isComplete', 'onTimeout']) {
      this.functions.deploy(framework(exported), {
        code: { file: frameworkFile(), exported },
        timeoutMs: FRAMEWORK_TIMEOUT_MS,
        environment: {
          USER_ON_EVENT_FUNCTION_ARN: this.functions.arn(functionName(name, 'on-event')),
          USER_IS_COMPLETE_FUNCTION_ARN: this.functions.arn(functionName(name, 'is-complete')),
          WAITER_STATE_MACHINE_ARN: `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${name}`,
        },
      });
    }
    const customResources = new CustomResources({
      serviceTimeoutMs,
      send: async (request) => {
        await this.functions.invoke(framework('onEvent'), JSON.stringify(request));
      },
    });
    const stack = new Stack<StackCode>(name, REGION, ACCOUNT, {
      customResources,
      deployCode: async (code) => {
        const specs = {
          'on-event': code?.onEvent,
          'is-complete': code?.isComplete,
          migrate: code?.migrate,
          ask: code?.ask,
        };
        for (const [role, spec] of Object.entries(specs)) {
          const fn = functionName(name, role as keyof typeof specs);
          if (spec === undefined) this.functions.remove(fn);
          else this.functions.deploy(fn, spec);
        }
      },
    });
    this.stacks.set(stack.id, stack);
    this.resources.set(stack.id, customResources);
    return stack;
  }

  /** Requests and answers of a stack's custom resource. */
  customResources(stack: Stack<StackCode>): CustomResources {
    return this.resources.get(stack.id)!;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const [stackId, resources] of this.resources)
      resources.abandon(stackId, 'The conductor was closed.');
    await this.stop();
  }

  readonly services: Services = {
    invoke: async (name, payload, wait) => {
      this.check('Invoke');
      if (!this.functions.has(name))
        throw new ServiceError(404, 'ResourceNotFoundException', `Function not found: ${name}`);
      const answer = this.functions.invoke(name, payload);
      if (wait) return answer;
      answer.catch(() => {});
      return { payload: '', functionError: false };
    },
    getFunction: (name) => {
      if (!this.functions.has(name))
        throw new ServiceError(404, 'ResourceNotFoundException', `Function not found: ${name}`);
      return { Configuration: { State: 'Active', LastUpdateStatus: 'Successful' } };
    },
    startExecution: (input) => {
      this.wait(input);
      return { executionArn: `arn:aws:states:${REGION}:${ACCOUNT}:execution:waiter:${randomUUID()}` };
    },
    getSecretValue: (id) => {
      this.check('GetSecretValue');
      const secret = this.secrets[id];
      if (secret === undefined) {
        throw new ServiceError(
          400,
          'ResourceNotFoundException',
          "Secrets Manager can't find the specified secret.",
        );
      }
      return secret;
    },
    cloudFormation: (action, parameters) => {
      this.check(action);
      const wanted = parameters.get('StackName');
      const stack = [...this.stacks.values()].find((each) => each.id === wanted || each.name === wanted);
      if (!stack) throw new ServiceError(400, 'ValidationError', `Stack with id ${wanted} does not exist`);
      if (action === 'DescribeStacks')
        return describeStack(stack, this.functions.has(functionName(stack.name, 'ask')));
      if (action === 'DescribeStackEvents') return describeEvents(stack, parameters.get('NextToken'));
      throw new ServiceError(400, 'InvalidAction', action);
    },
    respond: (token, body) => {
      for (const resources of this.resources.values()) {
        if (resources.requests.some(({ RequestId }) => RequestId === token)) resources.respond(token, body);
      }
    },
  };

  private check(action: string): void {
    const refused = this.refuse(action);
    if (refused) throw refused;
  }

  private wait(input: string): void {
    const { StackId } = JSON.parse(input);
    const name = this.stacks.get(StackId)!.name;
    const { queryIntervalMs = 20, maxAttempts = 10_000 } = this.options;
    const invoke = (exported: string, payload: string): Promise<Answer | undefined> =>
      this.functions.invoke(`${name}-framework-${exported}`, payload);
    runWaiter(input, {
      isComplete: (payload) => invoke('isComplete', payload),
      onTimeout: (payload) => invoke('onTimeout', payload),
      queryIntervalMs,
      maxAttempts,
      stopped: () => this.closed,
    }).catch((error) => {
      if (!this.closed) throw error;
    });
  }
}

/** The code that aws-cdk-lib puts into the framework's functions. */
const frameworkFile = (): string =>
  join(
    dirname(require.resolve('aws-cdk-lib/package.json')),
    'custom-resources/lib/provider-framework/runtime/framework.js',
  );

function describeStack(stack: Stack<StackCode>, asks: boolean): string {
  const member = (key: string, value: string, rest = ''): string =>
    `<member><OutputKey>${key}</OutputKey><OutputValue>${escapeXml(value)}</OutputValue>${rest}</member>`;
  // CDK adds outputs of its own, for a stack that refers to the functions: the names depend on how strong references are.
  const output = (name: 'MigrateFunction' | 'QueryFunction', value: string): string =>
    ['ExportsOutputRef', 'PublishOutputRef', 'ExportsOutputFnGetAtt', 'PublishOutputFnGetAtt']
      .map((start) => member(`${start}Schema${name}DDA47BE62DF6E1E6`, 'CDK made this output'))
      .join('') +
    member(
      `Schema${name}0A1B2C3D`,
      value,
      `<Description>${describeOutput(name, 'schema app')}</Description>`,
    );
  return (
    `<Stacks><member><StackName>${escapeXml(stack.name)}</StackName><StackId>${escapeXml(stack.id)}</StackId>` +
    `<StackStatus>${stack.status}</StackStatus><CreationTime>${iso(stack.events[0]!.atMs)}</CreationTime>` +
    `<Outputs>${output('MigrateFunction', functionName(stack.name, 'migrate'))}` +
    `${asks ? output('QueryFunction', functionName(stack.name, 'ask')) : ''}</Outputs></member></Stacks>`
  );
}

function describeEvents(stack: Stack<StackCode>, token: string | null): string {
  const newestFirst = [...stack.events].reverse();
  const from = Number(token ?? 0);
  const page = newestFirst.slice(from, from + EVENTS_A_PAGE);
  const next =
    from + EVENTS_A_PAGE < newestFirst.length ? `<NextToken>${from + EVENTS_A_PAGE}</NextToken>` : '';
  const member = (event: RecordedEvent, index: number): string =>
    `<member><EventId>${newestFirst.length - from - index}</EventId><StackId>${escapeXml(stack.id)}</StackId>` +
    `<StackName>${escapeXml(stack.name)}</StackName><LogicalResourceId>${escapeXml(event.logicalId)}</LogicalResourceId>` +
    `<PhysicalResourceId>${escapeXml(event.physicalId)}</PhysicalResourceId><ResourceType>${event.type}</ResourceType>` +
    `<ResourceStatus>${event.status}</ResourceStatus>` +
    (event.reason ? `<ResourceStatusReason>${escapeXml(event.reason)}</ResourceStatusReason>` : '') +
    `<Timestamp>${iso(event.atMs)}</Timestamp></member>`;
  return `<StackEvents>${page.map(member).join('')}</StackEvents>${next}`;
}

const iso = (ms: number): string => new Date(ms).toISOString();
