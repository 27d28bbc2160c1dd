/** Polls one request until there is an answer, as the framework does, by a clock of its own. */
import type { ConvergeOutcome, ConvergeReport } from '../../lambda/contract/converge';
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { MigrateRequest } from '../../lambda/contract/migrate';
import type { DeployOutbound } from '../../lambda/deploy/deploy-outbound';
import type { IsCompleteRequest } from '../../lambda/deploy/events';
import type { StackEvent } from '../../lambda/deploy/history';
import { handlePoll } from '../../lambda/deploy/poll';
import type { MigrateInvocation } from '../../lambda/invoke-migrate';
import { stackHistory } from '../support/stack-events';

export type Asked = Extract<MigrateRequest, { action: 'converge' }>;

export const report: ConvergeReport = {
  applied: [],
  withoutVerify: [],
  baselined: [],
  undone: [],
  kept: [],
  pending: [],
  position: '',
  warnings: [],
};
export const unreachable: ErrorInfo = { code: 'connection', message: 'nothing listens', remedy: 'Look.' };
export const locked: ErrorInfo = {
  code: 'lock-timeout',
  message: 'could not get a lock on orders',
  remedy: 'End the session.',
};
const settings = {
  migrateFunction: 'migrate',
  sliceMs: 90_000,
  timeoutMs: 3_000_000,
  rollbackWaitMs: 20_000,
  answerTimeoutMs: 130_000,
  queryIntervalMs: 5_000,
  logGroup: '/trueup/shop',
};

/** When the request is first seen, by the clock of {@link pollAll}. */
export const BEGAN_MS = 1_000_000;

interface Setting {
  readonly type?: 'Create' | 'Update' | 'Delete';
  readonly status?: string | null;
  /** Newest first. @default - those that go with the status */
  readonly events?: readonly StackEvent[];
  readonly properties?: Record<string, unknown>;
  readonly settings?: Partial<typeof settings>;
  /** Of each invocation of `deploy`. */
  readonly remainingMs?: number;
}

/** Polls until there is an answer, as the framework does. */
export async function pollAll(
  migrate: (asked: Asked, clock: { ms: number }) => MigrateInvocation,
  change: Setting = {},
) {
  const clock = {
    ms: BEGAN_MS,
    now: () => clock.ms,
    sleep: async (ms: number) => {
      clock.ms += ms;
    },
  };
  const began = BEGAN_MS;
  const { status = 'UPDATE_IN_PROGRESS', type = 'Update', remainingMs = 840_000 } = change;
  const outbound: DeployOutbound = {
    stackStatus: async () => {
      if (status === null) throw new Error('Throttling');
      return status;
    },
    async *stackEvents() {
      yield { events: change.events ?? stackHistory(status!, BEGAN_MS), oldestMs: 0 };
    },
    invokeMigrate: async (_, asked) => {
      if (asked.action !== 'converge') throw new Error(`asked to ${asked.action}`);
      return migrate(asked, clock);
    },
  };
  const event = {
    RequestType: type,
    RequestId: 'r',
    StackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1',
    LogicalResourceId: 'Schema',
    StartedAt: new Date(began).toISOString(),
    ResourceProperties: change.properties ?? {
      ManifestHash: 'h',
      Target: 't',
      Namespace: 'shop',
      OwnerRole: '',
      Adopt: 'false',
      Baseline: '',
      RollbackAfterSuccess: 'false',
    },
  } as unknown as IsCompleteRequest;
  const failingSince = new Map<string, number>();
  for (let polls = 1; polls < 2_000; polls++) {
    const bornMs = clock.ms;
    try {
      const answer = await handlePoll(event, {
        settings: { ...settings, ...change.settings },
        outbound,
        clock,
        failingSince,
        remainingMs: () => remainingMs - (clock.ms - bornMs),
      });
      // The framework refuses an answer that says neither.
      if (answer.IsComplete !== false)
        return { seconds: (clock.ms - began) / 1000, data: answer.Data, reason: '', polls };
    } catch (error) {
      return { seconds: (clock.ms - began) / 1000, data: null, reason: (error as Error).message, polls };
    }
    clock.ms += 5_000;
  }
  throw new Error('no answer');
}

export const answered = (outcome: ConvergeOutcome): MigrateInvocation => ({
  kind: 'answered',
  response: { action: 'converge', outcome, manifestHash: 'h' },
});

/** As the engine waits: for the whole slice, or as long as it is told. */
export function nobodyListens(asked: Asked, clock: { ms: number }): MigrateInvocation {
  const budgetMs = asked.budgetMs ?? 0;
  const { ms, overMs } = asked.connectTimeout ?? { ms: Number.POSITIVE_INFINITY, overMs: 0 };
  clock.ms += Math.min(budgetMs, ms - overMs);
  return ms - overMs < budgetMs
    ? answered({ status: 'failed', error: unreachable, report })
    : answered({ status: 'continue', progress: 'waits', waitingFor: unreachable, report });
}

export function held(asked: Asked, clock: { ms: number }): MigrateInvocation {
  clock.ms += asked.budgetMs ?? 0;
  return answered({ status: 'continue', progress: 'waits for a lock', waitingFor: locked, report });
}
