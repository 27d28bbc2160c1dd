/** From what is asked to the engine's functions, and from their errors to an answer. */
import { converge, down, plan, status, verify } from '../engine';
import { TrueupError } from '../engine/errors';
import { unexpected } from '../engine/failures';
import type { Manifest } from '../engine/manifest';
import type { ConvergeRequest, Progress } from '../engine/request';
import type { EngineContext } from '../engine/run';
import type { Connect } from './connect';
import { answerQuestions } from './diagnosis';
import { checkDrift, reportDrift } from './drift';
import type { MigrateRequest, MigrateResponse } from './protocol';
import type { MigrateSettings } from './settings';

export interface ActionContext {
  readonly settings: Pick<MigrateSettings, 'namespace' | 'ownerRole'>;
  readonly manifest: Manifest;
  readonly connect: Connect;
  readonly progress: Progress;
  /** Milliseconds since the epoch: when this invocation has to have answered. */
  readonly deadline: number;
}

/** Never throws for what a database, a ledger or a migration can do. */
export async function act(request: MigrateRequest, context: ActionContext): Promise<MigrateResponse> {
  try {
    return await perform(request, context);
  } catch (error) {
    return { action: 'error', error: unexpected(error) };
  }
}

/** @throws {TrueupError} for a name that the deployed code does not have */
function requireMigration(manifest: Manifest, name: string): void {
  const names = manifest.migrations.map((migration) => migration.name);
  if (names.includes(name)) return;
  throw new TrueupError({
    code: 'manifest',
    message: `there is no migration ${name} in the deployed code`,
    remedy: `Its newest are: ${names.slice(-5).join(', ')}.`,
  });
}

async function perform(request: MigrateRequest, context: ActionContext): Promise<MigrateResponse> {
  const { namespace, ownerRole } = context.settings;
  const { connect, manifest, progress } = context;
  const writing: EngineContext = { connect: () => connect(), manifest, progress, deadline: context.deadline };
  const reading: EngineContext = { ...writing, connect: () => connect({ readOnly: true }) };
  const byHand = (id: string): ConvergeRequest => ({
    id,
    namespace,
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
    ownerRole,
  });
  switch (request.action) {
    case 'converge': {
      const deadline = Math.min(
        context.deadline,
        Date.now() + (request.budgetMs ?? Number.POSITIVE_INFINITY),
      );
      // How long a database is waited for is `deploy`'s decision: it knows what the stack is doing.
      const engine = { ...writing, deadline, connectPatienceMs: Number.POSITIVE_INFINITY };
      const outcome = await converge(engine, request.request);
      return { action: 'converge', outcome, manifestHash: manifest.hash };
    }
    case 'status':
      return { action: 'status', status: await status(reading, namespace) };
    case 'plan':
      return { action: 'plan', plan: await plan(reading, byHand('')) };
    case 'verify':
      return { action: 'verify', verification: await verify(reading, namespace, ownerRole) };
    case 'baseline': {
      requireMigration(manifest, request.upTo);
      const asked = { ...byHand(request.id), baseline: request.upTo, baselineOnly: true };
      return { action: 'baseline', outcome: await converge(writing, asked) };
    }
    case 'down': {
      const asked = { id: request.id, namespace, owner: null, name: request.name, ownerRole };
      return { action: 'down', outcome: await down(writing, asked) };
    }
    case 'drift': {
      const drift = await checkDrift(reading, namespace, ownerRole);
      reportDrift(namespace, drift);
      return { action: 'drift', drift };
    }
    case 'diagnose':
      return {
        action: 'diagnose',
        diagnoses: await answerQuestions(request.questions, { ...reading, namespace }),
      };
    default:
      return {
        action: 'error',
        error: {
          code: 'unsupported',
          message: `this version of the migrate function does not know the action ${JSON.stringify((request as { action?: unknown }).action)}`,
          remedy: 'Deploy the stack with this version of Trueup.',
        },
      };
  }
}
