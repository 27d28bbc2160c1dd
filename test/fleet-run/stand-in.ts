/**
 * A stand-in for Step Functions' client and the bucket: it shows what the local AWS does not. Names of executions are
 * idempotent, a stopped execution ends its children, a map that ends early leaves tenants without an answer, results lie in
 * files of several pages, a machine's time can be up, and states are 256 KiB at most. Where the two differ, it can do as the
 * local AWS does too. Between two polls a test says how far a run goes.
 */
import type { TenantAnswer, TenantRequest } from '../../lambda/contract/fleet';
import type { BranchResult, FleetMember, FleetPlan, RunState } from '../../lambda/contract/fleet-run';
import type { MigrateRequest, MigrateResponse } from '../../lambda/contract/migrate';
import type { IsCompleteRequest } from '../../lambda/deploy/events';
import type { Clock } from '../../lambda/fleet-run/context';
import type { FleetOutbound, RunExecution } from '../../lambda/fleet-run/fleet-outbound';
import { handleFleetPoll } from '../../lambda/fleet-run/poll';
import { readListedMembers } from '../../lambda/fleet-run/run';
import { tallyResults } from '../../lambda/fleet-run/tally';
import { stackHistory } from '../support/stack-events';

type Told = Partial<TenantAnswer> | 'dies';
export type OnTenant = (member: FleetMember, asked: TenantRequest) => Told | Promise<Told>;

interface Run {
  status: RunExecution['status'];
  error: string | null;
  state: RunState;
}

export const PLAN: FleetPlan = {
  namespace: 'shop',
  manifestHash: 'new',
  servers: { main: { concurrency: 2 }, eu: { concurrency: 2 } },
  lists: [{ kind: 'server', server: 'main', source: 0 }],
  canaries: [],
  shares: [5],
  maxFailures: 0,
  waitFor: 'all',
};

const STATE_BYTES = 256 * 1024;

export class StandIn {
  readonly objects = new Map<string, string>();
  readonly runs = new Map<string, Run>();
  readonly starts: string[] = [];
  /** What the list names today. */
  members: FleetMember[] = [];
  /** Children of a map at once. */
  concurrency = 1;
  /** Branches of a wave. */
  servers = Object.keys(PLAN.servers);
  freeConnections = 100;
  inFlight = 0;
  status = 'UPDATE_IN_PROGRESS';
  onTenant: OnTenant = (_, { work }) => ({
    state: work === 'inspect' ? 'behind' : work === 'undo' ? 'undone' : 'up to date',
  });
  /** Of a server's map: it ends early, as when its children cannot be started; half of its tenants have had their turn. */
  mapError: (server: string) => string | undefined = () => undefined;
  /** Of a file that Step Functions writes: it is not there. */
  isLost: (key: string) => boolean = () => false;
  /** A name that has been used begins a run once more, as it does after 90 days. */
  namesAreUsedAgain = false;
  /** The functions' manifest, once a newer deployment has changed them under a run. */
  deployedHash: string | undefined;
  ms = 1_000_000;
  /** In place of its own, which sleeps no time. @default - none */
  clock: Partial<Clock> = {};
  /** Of the function's process. */
  readonly failingSince = new Map<string, number>();

  /** What AWS does. */
  readonly inside: FleetOutbound = {
    stackStatus: async () => this.status,
    stackEvents: (id, logical) => this.events(id, logical),
    bucket: {
      get: async (key) => this.objects.get(key) ?? null,
      put: async (key, text) => void this.objects.set(key, text),
    },
    list: async () => '[]',
    executions: {
      start: async (name, input) => {
        this.starts.push(name);
        checkState(input);
        if (this.namesAreUsedAgain || !this.runs.has(name))
          this.runs.set(name, { status: 'RUNNING', error: null, state: input as RunState });
      },
      describe: async (name) => {
        const run = this.runs.get(name);
        return run ? { status: run.status, error: run.error, output: null } : null;
      },
      stop: async (name) => {
        const run = this.runs.get(name);
        if (run?.status === 'RUNNING') run.status = 'ABORTED';
      },
      startedSince: async () => [...this.runs.keys()],
      running: async () =>
        [...this.runs].filter(([, { status }]) => status === 'RUNNING').map(([name]) => name),
    },
    invokeMigrate: async (_, request) => ({ kind: 'answered', response: this.answer(request) }),
  };

  /** What the function is given. @default - AWS, without a network between */
  outbound: FleetOutbound = this.inside;

  private async *events(_id: string, _logical: string) {
    yield { events: stackHistory(this.status, 1_000_000), oldestMs: 0 };
  }

  private answer(request: MigrateRequest): MigrateResponse {
    if (request.action === 'list-tenants')
      return { action: 'list-tenants', page: { tenants: this.members, next: null } };
    if (request.action === 'server')
      return {
        action: 'server',
        server: { freeConnections: this.freeConnections, inFlight: { count: this.inFlight, first: [] } },
      };
    throw new Error(`asked to ${request.action}`);
  }

  /** One wave of a run, with the tally after it. */
  async wave(name: string): Promise<void> {
    const run = this.runs.get(name)!;
    const { lists, work, request, results } = run.state;
    const branches: BranchResult[] = [];
    for (const server of this.servers) {
      const key = lists[server];
      const error = this.mapError(server);
      if (key === undefined) branches.push({ server });
      else {
        const members = await readListedMembers({ [server]: key }, this.inside.bucket);
        if (error !== undefined) {
          for (const member of members.slice(0, Math.ceil(members.length / 2)))
            await this.child(member, { work, request });
          branches.push({ server, error });
          continue;
        }
        branches.push({
          server,
          results: await this.write(`${results}/${server}`, members, { work, request }),
        });
      }
    }
    // A run that was stopped meanwhile counts no more; its children came to their end.
    if (run.status !== 'RUNNING') return;
    checkState({ ...run.state, branches });
    run.state = await tallyResults({ ...run.state, branches }, this.inside.bucket);
    checkState(run.state);
    if (!run.state.go) run.status = 'SUCCEEDED';
  }

  private async child(
    { server, ...tenant }: FleetMember,
    asked: Omit<TenantRequest, 'tenant'>,
  ): Promise<Told> {
    return this.onTenant({ server, ...tenant }, { ...asked, tenant });
  }

  /** The wave that was under way when a run was stopped: in the local AWS its children go on to their end. */
  async childrenGoOn(name: string): Promise<void> {
    const { lists, work, request } = this.runs.get(name)!.state;
    for (const member of await readListedMembers(lists, this.inside.bucket))
      await this.child(member, { work, request });
  }

  /** As ResultWriter does, in a file a tenant. */
  private async write(prefix: string, members: FleetMember[], asked: Omit<TenantRequest, 'tenant'>) {
    const files: Record<string, { Key: string; Size: number }[]> = { SUCCEEDED: [], FAILED: [], PENDING: [] };
    const put = (status: string, found: object[]): void => {
      const Key = `${prefix}/${status}_${files[status]!.length}.json`;
      if (!this.isLost(Key)) this.objects.set(Key, JSON.stringify(found));
      files[status]!.push({ Key, Size: 1 });
    };
    const waiting = [...members];
    const worker = async (): Promise<void> => {
      for (let member = waiting.shift(); member; member = waiting.shift()) {
        const { server: _, ...tenant } = member;
        const told = await this.child(member, asked);
        const Input = JSON.stringify({ ...asked, tenant });
        if (told === 'dies') put('FAILED', [{ Input, Error: 'Lambda.Unknown', Cause: 'secret' }]);
        else {
          const answer = {
            name: tenant.name,
            startedAt: '',
            pending: 0,
            position: '0001',
            state: 'up to date',
            ...told,
          };
          put('SUCCEEDED', [
            {
              Input,
              Output: JSON.stringify({
                action: 'tenant',
                tenant: answer,
                manifestHash: this.deployedHash ?? asked.request.manifestHash,
              }),
            },
          ]);
        }
      }
    };
    await Promise.all(Array.from({ length: this.concurrency }, worker));
    const Key = `${prefix}/manifest.json`;
    const manifest = JSON.stringify({ DestinationBucket: 'lists', ResultFiles: files });
    if (!this.isLost(Key)) this.objects.set(Key, manifest);
    return { Bucket: 'lists', Key };
  }

  async toEnd(name: string): Promise<void> {
    while (this.runs.get(name)!.status === 'RUNNING') await this.wave(name);
  }

  /** One poll of CloudFormation's request. */
  poll(
    id: string,
    {
      plan = {},
      type = 'Update',
      properties = {},
      old = {},
      functions = { main: 'f-main', eu: 'f-eu' },
    }: {
      readonly plan?: Partial<FleetPlan>;
      readonly type?: 'Create' | 'Update' | 'Delete';
      readonly properties?: object;
      readonly old?: object;
      readonly functions?: Readonly<Record<string, string>>;
    } = {},
  ) {
    const own = {
      ManifestHash: 'new',
      Target: 'fleet:main,eu',
      Namespace: 'shop',
      OwnerRole: '',
      Adopt: 'false',
      Baseline: '',
      RollbackAfterSuccess: 'false',
      Fleet: 'plan',
      ...properties,
    };
    const event = {
      RequestType: type,
      RequestId: id,
      StackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1',
      LogicalResourceId: 'Fleet',
      PhysicalResourceId: 'trueup:shop',
      StartedAt: new Date(1_000_000).toISOString(),
      ResourceProperties: own,
      OldResourceProperties: { ...own, ManifestHash: 'old', ...old },
    } as unknown as IsCompleteRequest;
    const clock = {
      now: () => this.ms,
      sleep: async (ms: number) => {
        this.ms += ms;
      },
    };
    return handleFleetPoll(event, {
      plan: { ...PLAN, ...plan },
      planHash: 'plan',
      settings: {
        sliceMs: 90_000,
        timeoutMs: 3_000_000,
        rollbackWaitMs: 20_000,
        answerTimeoutMs: 130_000,
        queryIntervalMs: 5_000,
        logGroup: '',
      },
      fleet: {
        bucket: 'lists',
        stateMachine: 'arn',
        functions,
        stackId: '',
        owner: '',
        queryOnly: false,
      },
      outbound: this.outbound,
      failingSince: this.failingSince,
      clock: { ...clock, ...this.clock },
    });
  }
}

function checkState(state: unknown): void {
  if (Buffer.byteLength(JSON.stringify(state)) > STATE_BYTES) throw new Error('States.DataLimitExceeded');
}

export const membersOf = (...names: string[]): FleetMember[] =>
  names.map((name, i) => ({ name, database: name, server: i % 2 === 0 ? 'main' : 'eu' }));
