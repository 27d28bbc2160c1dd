/** From what is asked to the engine's functions, and from their errors to an answer. */

import type { ConvergeRequest, Progress } from '../contract/converge';
import { TrueupError } from '../contract/errors';
import type { FleetFile } from '../contract/fleet';
import type { Manifest } from '../contract/manifest';
import { isQuestion, type MigrateRequest, type MigrateResponse } from '../contract/migrate';
import { converge, down, plan, status, verify } from '../engine';
import { unexpectedError } from '../engine/apply/failures';
import type { EngineContext } from '../engine/run';
import { turnAt } from '../fleet/sample';
import { askAudit } from './audit';
import { newFindings } from './audit-drift';
import type { Connect } from './connect';
import { answerQuestions } from './diagnosis';
import { checkDrift, metricsName, reportDrift, reportFleetDrift } from './drift';
import { checkFleet, type FleetCheckContext } from './fleet/drift';
import { newFleetFindings } from './fleet/new-findings';
import { serverState } from './fleet/server';
import { targetPage } from './fleet/targets';
import { workOnTenant } from './fleet/tenant';
import { rehearse } from './rehearse';
import type { MigrateSettings } from './settings';
import { askWorkload } from './workload-drift';

export interface ActionContext {
  readonly settings: Pick<
    MigrateSettings,
    'namespace' | 'ownerRole' | 'asksOnly' | 'metricsOf' | 'workloadDays' | 'checksADay'
  >;
  readonly manifest: Manifest;
  /** @default - it has no tenants */
  readonly fleet?: FleetFile;
  readonly connect: Connect;
  readonly progress: Progress;
  /** Milliseconds since the epoch: when this invocation has to have answered. */
  readonly deadline: number;
}

/** Never throws for what a database, a ledger or a migration can do. */
export async function act(request: MigrateRequest, context: ActionContext): Promise<MigrateResponse> {
  if (context.settings.asksOnly && !isQuestion(request.action)) return refusal(request.action);
  try {
    return await perform(request, context);
  } catch (error) {
    return { action: 'error', error: unexpectedError(error) };
  }
}

const refusal = (action: unknown): MigrateResponse => ({
  action: 'error',
  error: {
    code: 'privilege',
    message: `this function only answers questions and does not run ${JSON.stringify(action)}`,
    remedy: "Invoke the function in the stack's output MigrateFunction; grantDeploy() allows it.",
  },
});

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

const CHECKS_A_DAY = 24;

const fleetCheck = (context: ActionContext): FleetCheckContext => ({
  connect: context.connect,
  manifest: context.manifest,
  deadline: context.deadline,
  namespace: context.settings.namespace,
  ownerRole: context.settings.ownerRole,
  turn: turnAt(Date.now(), context.settings.checksADay ?? CHECKS_A_DAY),
  ...(context.fleet ? { bounds: context.fleet } : {}),
});

/** @throws {TrueupError} where the function belongs to one database */
function fleetOf({ fleet }: ActionContext): FleetFile {
  if (fleet) return fleet;
  throw new TrueupError({
    code: 'unsupported',
    message: 'this function belongs to one database, and not to a fleet',
    remedy: "Invoke the function of the fleet's server.",
  });
}

async function perform(request: MigrateRequest, context: ActionContext): Promise<MigrateResponse> {
  const { namespace, ownerRole, workloadDays } = context.settings;
  const { connect, manifest, progress } = context;
  const writing: EngineContext = {
    connect: () => connect(),
    manifest,
    progress,
    deadline: context.deadline,
    workloadDays,
  };
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
      const { ms = Number.POSITIVE_INFINITY, overMs = 0 } = request.databaseWait ?? {};
      const engine = { ...writing, deadline, connectPatienceMs: ms, connectWaitedMs: overMs };
      const outcome = await converge(engine, request.request);
      return {
        action: 'converge',
        outcome,
        manifestHash: manifest.hash,
        workload: manifest.workload?.hash ?? null,
      };
    }
    case 'status':
      return { action: 'status', status: await status(reading, namespace, ownerRole) };
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
      if (context.fleet) {
        const drift = await checkFleet(fleetCheck(context), request.audit ?? true);
        reportFleetDrift(namespace, drift, context.settings.metricsOf);
        return { action: 'fleet-drift', drift };
      }
      const drift = await checkDrift(reading, namespace, ownerRole, { audit: request.audit });
      reportDrift(namespace, drift, context.settings.metricsOf);
      return { action: 'drift', drift };
    }
    case 'diagnose':
      return {
        action: 'diagnose',
        diagnoses: await answerQuestions(request.questions, { ...reading, namespace }),
      };
    case 'workload': {
      const meant = request.of === null || request.of === metricsName(context.settings.metricsOf);
      const workload = meant ? await askWorkload(reading, namespace) : null;
      return { action: 'workload', workload };
    }
    case 'audit':
      return { action: 'audit', audit: await askAudit(reading, namespace) };
    case 'new-findings': {
      const meant = request.of === null || request.of === metricsName(context.settings.metricsOf);
      if (!meant) return { action: 'new-findings', found: null };
      const found = context.fleet
        ? await newFleetFindings(fleetCheck(context))
        : await newFindings(reading, namespace);
      return { action: 'new-findings', found };
    }
    case 'rehearse': {
      const { statements, from } = request;
      return { action: 'rehearse', rehearsed: await rehearse(reading, namespace, statements, from) };
    }
    case 'targets':
      return { action: 'targets', page: await targetPage(reading, connect, fleetOf(context), request) };
    case 'tenant': {
      const { settings: _, ...rest } = context;
      const tenant = await workOnTenant(
        { ...rest, fleet: fleetOf(context), namespace, ownerRole, workloadDays },
        request,
      );
      return { action: 'tenant', tenant, manifestHash: manifest.hash };
    }
    case 'server':
      return { action: 'server', server: await serverState(reading, connect, namespace) };
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
