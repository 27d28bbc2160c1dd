/**
 * CloudFormation's stack, `deploy` as it is, and a `migrate` that the test brings along, all in this process and by a
 * clock of their own: for thousands of generated orders of events.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { buildPhysicalResourceId } from '../../lambda/contract/custom-resource';
import type { Manifest } from '../../lambda/contract/manifest';
import type { MigrateRequest, MigrateResponse } from '../../lambda/contract/migrate';
import type { DeployOutbound } from '../../lambda/deploy/deploy-outbound';
import type { IsCompleteRequest } from '../../lambda/deploy/events';
import type { StackEvent } from '../../lambda/deploy/history';
import { type Clock, handlePoll } from '../../lambda/deploy/poll';
import type { MigrateInvocation } from '../../lambda/invoke-migrate';
import { buildDeployProperties } from '../../lib/constructs/migrations/deploy-resource';
import { type CustomResourceRequest, CustomResources } from './aws/conductor/custom-resource';
import { Stack } from './aws/conductor/stack';

/** Runs one slice of a version of the code; throws {@link Died}. */
export type Migrate = (
  manifest: Manifest,
  request: Extract<MigrateRequest, { action: 'converge' }>,
  pause: () => Promise<void>,
) => Promise<MigrateResponse>;

/** The process of `migrate` came to an end. */
class Died extends Error {}

/** What befalls one operation. Counts are of pauses: the moments between two steps of `migrate`. */
export interface Trouble {
  readonly cancelAt?: number;
  readonly dieAt?: number;
  /** `migrate` dies whenever it is invoked, going forward only or on the way back too. */
  readonly dead?: 'forward' | 'always';
  readonly refuseLooks?: boolean;
  readonly twice?: boolean;
}

const NAMESPACE = 'app';

export class World {
  stack: Stack<Manifest>;
  readonly customResources: CustomResources;
  readonly clock: Clock & { ms: number };
  trouble: Trouble = {};
  /** CloudFormation tells its own status again, with a detail and without, whenever something of ours happens. */
  echoes = false;
  private pauses = 0;
  private code: Manifest | null = null;
  private readonly backward = new Set<string>();
  private readonly polling = new Set<Promise<void>>();
  /** The ones that are gone too: a late request asks for its own. */
  private readonly stacks = new Map<string, Stack<Manifest>>();

  constructor(
    private readonly name: string,
    private readonly migrate: Migrate,
  ) {
    const clock = {
      ms: Date.UTC(2026, 0, 1),
      now: () => ++clock.ms,
      sleep: async (ms: number) => {
        clock.ms += ms;
        await turn();
      },
    };
    this.clock = clock;
    this.customResources = new CustomResources({
      serviceTimeoutMs: 600_000,
      send: async (request) => {
        if (this.stack.status.includes('ROLLBACK')) this.backward.add(request.RequestId);
        this.poll(request);
        if (this.trouble.twice) this.poll(request);
      },
    });
    this.stack = this.newStack();
  }

  /** Under the same name, once the one before is gone. */
  newStack(): Stack<Manifest> {
    this.stack = new Stack<Manifest>(this.name, 'us-east-1', '111122223333', {
      customResources: this.customResources,
      now: this.clock.now,
      deployCode: async (code) => {
        this.code = code;
        await turn();
      },
    });
    this.stacks.set(this.stack.id, this.stack);
    return this.stack;
  }

  properties(manifest: Manifest, rollbackAfterSuccess: boolean): Record<string, unknown> {
    return {
      ...buildDeployProperties({
        manifest,
        target: 'pg:db:5432/app',
        login: 'secret:x',
        namespace: NAMESPACE,
        rollbackAfterSuccess,
      }),
    };
  }

  /** A request that CloudFormation sent while it rolled back. */
  wentBack(requestId: string): boolean {
    return this.backward.has(requestId);
  }

  /** One operation of CloudFormation, with this trouble. */
  async during<T>(trouble: Trouble, operation: () => Promise<T>): Promise<T> {
    this.trouble = trouble;
    this.pauses = 0;
    try {
      return await operation();
    } finally {
      this.trouble = {};
    }
  }

  /** Delivers an old request once more. */
  again(request: CustomResourceRequest): void {
    this.poll(request);
  }

  /** When nobody polls any more. */
  async settle(): Promise<void> {
    while (this.polling.size > 0) await Promise.all(this.polling);
  }

  private poll(request: CustomResourceRequest): void {
    const running = this.pollUntilAnswered(request).finally(() => this.polling.delete(running));
    this.polling.add(running);
  }

  private async pollUntilAnswered(request: CustomResourceRequest): Promise<void> {
    const event = {
      ...request,
      PhysicalResourceId: request.PhysicalResourceId ?? buildPhysicalResourceId(NAMESPACE),
      StartedAt: new Date(this.clock.now()).toISOString(),
    } as unknown as IsCompleteRequest;
    const answer = (change: object): void => {
      const { RequestId, PhysicalResourceId } = event;
      this.customResources.respond(RequestId, JSON.stringify({ PhysicalResourceId, ...change }));
    };
    const settings = {
      migrateFunction: 'migrate',
      sliceMs: 90_000,
      timeoutMs: 3_000_000,
      rollbackWaitMs: 300_000,
      answerTimeoutMs: 130_000,
      queryIntervalMs: 5_000,
      logGroup: 'log',
    };
    for (;;) {
      try {
        const context = { settings, outbound: this.outbound, clock: this.clock, remainingMs: () => 840_000 };
        const slice = await handlePoll(event, context);
        if (slice.IsComplete) return answer({ Status: 'SUCCESS', Reason: 'SUCCESS', Data: slice.Data });
      } catch (error) {
        return answer({ Status: 'FAILED', Reason: (error as Error).stack });
      }
      await this.clock.sleep(5_000);
    }
  }

  private readonly outbound: DeployOutbound = {
    stackStatus: async (stackId) => {
      if (this.trouble.refuseLooks) throw new Error('AccessDenied');
      return this.stacks.get(stackId)!.status;
    },
    stackEvents: (stackId, logicalId) => this.events(this.stacks.get(stackId)!, logicalId),
    invokeMigrate: async (_, request): Promise<MigrateInvocation> => {
      if (request.action !== 'converge') throw new Error('only converge is asked');
      if (this.code === null) return { kind: 'refused', message: 'ResourceNotFoundException', lasting: true };
      const { dead } = this.trouble;
      if (dead === 'always' || (dead === 'forward' && !this.stack.status.includes('ROLLBACK'))) {
        return { kind: 'died', message: 'Runtime.ExitError' };
      }
      try {
        const response = await this.migrate(this.code, request, () => this.pause());
        return { kind: 'answered', response };
      } catch (error) {
        if (!(error instanceof Died)) throw error;
        return { kind: 'died', message: 'Runtime.ExitError' };
      }
    },
  };

  private async pause(): Promise<void> {
    const { cancelAt, dieAt } = this.trouble;
    const now = ++this.pauses;
    await turn();
    if (now === cancelAt && this.stack.status === 'UPDATE_IN_PROGRESS') this.stack.cancel();
    if (now === dieAt) throw new Died();
  }

  private async *events(stack: Stack<Manifest>, logicalId: string) {
    let last: StackEvent | undefined;
    const events = stack.events.flatMap(({ physicalId, logicalId: id, status, atMs }): StackEvent[] => {
      if (physicalId === stack.id) {
        last = { of: 'stack', status, atMs };
        return [last];
      }
      if (id !== logicalId) return [];
      const echo: StackEvent[] =
        this.echoes && last?.status.endsWith('_IN_PROGRESS')
          ? [
              { ...last, atMs },
              { ...last, atMs, detail: 'CONFIGURATION_COMPLETE' },
            ]
          : [];
      return [...echo, { of: 'resource', status, atMs }, ...echo];
    });
    // Pages as CloudFormation gives them, only shorter.
    for (let end = events.length; end > 0; end -= 5) {
      const page = events.slice(Math.max(0, end - 5), end).reverse();
      yield { events: page, oldestMs: page.at(-1)!.atMs };
    }
  }
}
