/** Maps requests to functions of the engine, and their errors to responses. */

import type { ConvergeRequest, ProgressListener } from '../contract/converge';
import { TrueupError } from '../contract/errors';
import type { FleetFile } from '../contract/fleet';
import type { Manifest } from '../contract/manifest';
import { isReadOnlyAction, type MigrateRequest, type MigrateResponse } from '../contract/migrate';
import { converge, down, plan, readStatus, verify } from '../engine';
import { describeUnexpectedError } from '../engine/apply/failures';
import type { EngineContext } from '../engine/run';
import { computeSampleSlot } from '../fleet/sample';
import { takeNewFindings } from './audit-drift';
import { checkWorkload } from './check-workload';
import type { Connect } from './connect';
import { answerQuestions } from './diagnosis';
import { checkDrift, reportDrift, reportFleetDrift, resolveMetricsName } from './drift';
import { checkFleetDrift, type FleetCheckContext } from './fleet/drift';
import { takeNewFleetFindings } from './fleet/new-findings';
import { readServerState } from './fleet/server';
import { workOnTenant } from './fleet/tenant';
import { readTenantPage } from './fleet/tenant-list';
import type { MigrateSettings } from './migrate-settings';
import { auditNamespace } from './run-audit';
import { readWorkloadDrift } from './workload-drift';

export interface ActionContext {
  readonly settings: Pick<
    MigrateSettings,
    'namespace' | 'ownerRole' | 'queryOnly' | 'metricsOf' | 'workloadDays' | 'checksADay'
  >;
  readonly manifest: Manifest;
  /** The fleet, if the function serves one. @default - the function serves a single database */
  readonly fleet?: FleetFile;
  readonly connect: Connect;
  readonly progress: ProgressListener;
  /** Time by which this invocation must have responded, in milliseconds since the epoch. */
  readonly deadline: number;
}

/** Executes a request. Database, ledger and migration errors become error responses and are never thrown. */
export async function handleRequest(
  request: MigrateRequest,
  context: ActionContext,
): Promise<MigrateResponse> {
  if (context.settings.queryOnly && !isReadOnlyAction(request.action)) return makeRefusal(request.action);
  try {
    return await performAction(request, context);
  } catch (error) {
    return { action: 'error', error: describeUnexpectedError(error) };
  }
}

const makeRefusal = (action: unknown): MigrateResponse => ({
  action: 'error',
  error: {
    code: 'privilege',
    message: `this is the query function, which does not run ${JSON.stringify(action)}`,
    remedy: "Invoke the function in the stack's output MigrateFunction; grantDeploy() allows it.",
  },
});

/** @throws {TrueupError} if the deployed code has no migration of that name */
function requireMigration(manifest: Manifest, name: string): void {
  const names = manifest.migrations.map((migration) => migration.name);
  if (names.includes(name)) return;
  throw new TrueupError({
    code: 'manifest',
    message: `there is no migration ${name} in the deployed code`,
    remedy: `Its newest are: ${names.slice(-5).join(', ')}.`,
  });
}

const CHECKS_PER_DAY = 24;

const buildFleetCheckContext = (context: ActionContext): FleetCheckContext => ({
  connect: context.connect,
  manifest: context.manifest,
  deadline: context.deadline,
  namespace: context.settings.namespace,
  ownerRole: context.settings.ownerRole,
  turn: computeSampleSlot(Date.now(), context.settings.checksADay ?? CHECKS_PER_DAY),
  ...(context.fleet ? { bounds: context.fleet } : {}),
});

/** @throws {TrueupError} if the function serves a single database */
function requireFleet({ fleet }: ActionContext): FleetFile {
  if (fleet) return fleet;
  throw new TrueupError({
    code: 'unsupported',
    message: 'this function serves one database, not a fleet',
    remedy: "Invoke the function of the fleet's server.",
  });
}

async function performAction(request: MigrateRequest, context: ActionContext): Promise<MigrateResponse> {
  const { namespace, ownerRole, workloadDays } = context.settings;
  const { connect, manifest, progress } = context;
  const writing: EngineContext = {
    connect: () => connect(),
    manifest,
    progress,
    deadline: context.deadline,
    workloadDays,
  };
  const reading: EngineContext = {
    ...writing,
    connect: () => connect({ readOnly: true }),
    connectForRecords: () => connect({ forRecords: true }),
  };
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
      // `deploy` decides how long to wait for a database, because it knows the state of the stack.
      const { ms = Number.POSITIVE_INFINITY, overMs = 0 } = request.connectTimeout ?? {};
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
      return { action: 'status', status: await readStatus(reading, namespace, ownerRole) };
    case 'plan':
      return { action: 'plan', plan: await plan(reading, byHand('')) };
    case 'verify':
      return { action: 'verify', verification: await verify(reading, namespace, ownerRole) };
    case 'baseline': {
      requireMigration(manifest, request.upTo);
      const asked = { ...byHand(request.id), baseline: request.upTo, baselineOnly: true };
      return { action: 'baseline', outcome: await converge(writing, asked) };
    }
    case 'declare': {
      const asked = { ...byHand(request.id), declared: request.declared, baselineOnly: true };
      return { action: 'declare', outcome: await converge(writing, asked) };
    }
    case 'down': {
      const asked = { id: request.id, namespace, owner: null, name: request.name, ownerRole };
      return { action: 'down', outcome: await down(writing, asked) };
    }
    case 'drift': {
      if (context.fleet) {
        const drift = await checkFleetDrift(buildFleetCheckContext(context), request.audit ?? true);
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
      const meant = request.of === null || request.of === resolveMetricsName(context.settings.metricsOf);
      const workload = meant ? await readWorkloadDrift(reading, namespace) : null;
      return { action: 'workload', workload };
    }
    case 'audit':
      return { action: 'audit', audit: await auditNamespace(reading, namespace) };
    case 'new-findings': {
      const meant = request.of === null || request.of === resolveMetricsName(context.settings.metricsOf);
      if (!meant) return { action: 'new-findings', found: null };
      const found = context.fleet
        ? await takeNewFleetFindings(buildFleetCheckContext(context))
        : await takeNewFindings({ ...writing, connect: () => connect({ forRecords: true }) }, namespace);
      return { action: 'new-findings', found };
    }
    case 'check-workload': {
      const { statements, from } = request;
      return { action: 'check-workload', result: await checkWorkload(reading, namespace, statements, from) };
    }
    case 'list-tenants':
      return {
        action: 'list-tenants',
        page: await readTenantPage(reading, connect, requireFleet(context), request),
      };
    case 'tenant': {
      const { settings: _, ...rest } = context;
      const tenant = await workOnTenant(
        { ...rest, fleet: requireFleet(context), namespace, ownerRole, workloadDays },
        request,
      );
      return { action: 'tenant', tenant, manifestHash: manifest.hash };
    }
    case 'server':
      return { action: 'server', server: await readServerState(reading, connect, namespace) };
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
