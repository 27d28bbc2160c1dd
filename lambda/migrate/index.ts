/** The handler inside the VPC: speaks to the database, to Secrets Manager, and to nothing else. */
import { readFileSync } from 'node:fs';
import type { FleetFile } from '../contract/fleet';
import type { Manifest } from '../contract/manifest';
import type { MigrateRequest, MigrateResponse } from '../contract/migrate';
import { unexpectedError } from '../engine/apply/failures';
import { type LogFields, log } from '../log';
import { type ActionContext, act } from './actions';
import { connector } from './connect';
import { migrateSettings } from './settings';

/** What of Lambda's context is used. */
interface Context {
  readonly awsRequestId?: string;
  getRemainingTimeInMillis(): number;
}

/** Kept free at the end, to answer: ten seconds, or a fifth of a short timeout. */
const MARGIN_MS = 10_000;

let loaded: Omit<ActionContext, 'progress' | 'deadline'> | undefined;

/** Once a process; a wrong setting is an answer like any other. */
function load(): Omit<ActionContext, 'progress' | 'deadline'> {
  if (loaded) return loaded;
  const settings = migrateSettings(process.env, __dirname);
  const manifest = JSON.parse(readFileSync(settings.manifestFile, 'utf8')) as Manifest;
  const fleet =
    settings.fleetFile === undefined
      ? undefined
      : (JSON.parse(readFileSync(settings.fleetFile, 'utf8')) as FleetFile);
  loaded = { settings, manifest, ...(fleet ? { fleet } : {}), connect: connector(settings) };
  return loaded;
}

export async function handler(request: MigrateRequest, context: Context): Promise<MigrateResponse> {
  const remainingMs = context.getRemainingTimeInMillis();
  const deadline = Date.now() + remainingMs - Math.min(MARGIN_MS, remainingMs / 5);
  const about: LogFields = {
    action: request.action,
    ...('request' in request ? { request: request.request.id, direction: request.request.direction } : {}),
    ...('target' in request ? { work: request.work, tenant: request.target.name } : {}),
    ...('id' in request ? { request: request.id } : {}),
  };
  log('begun', { ...about, budgetMs: Math.round(deadline - Date.now()), invocation: context.awsRequestId });
  const begunMs = Date.now();
  const response = await respond(request, deadline, about);
  log('ended', { ...about, durationMs: Date.now() - begunMs, ...outcomeFields(response) });
  return response;
}

async function respond(
  request: MigrateRequest,
  deadline: number,
  about: LogFields,
): Promise<MigrateResponse> {
  let context: Omit<ActionContext, 'progress' | 'deadline'>;
  try {
    context = load();
  } catch (error) {
    return { action: 'error', error: unexpectedError(error) };
  }
  return act(request, {
    ...context,
    deadline,
    progress: (event) => log('progress', { ...about, step: event }),
  });
}

/** The whole error goes to the log: by its construction it holds no row data. */
function outcomeFields(response: MigrateResponse): LogFields {
  if (response.action === 'error') return { outcome: 'error', error: response.error };
  if (response.action === 'tenant') return { outcome: response.tenant.state, tenant: response.tenant };
  if (!('outcome' in response)) return { outcome: 'answered' };
  const { outcome } = response;
  return {
    outcome: outcome.status,
    ...(outcome.status === 'failed' ? { error: outcome.error } : {}),
    ...(outcome.status === 'continue' ? { progress: outcome.progress, waitingFor: outcome.waitingFor } : {}),
    report: outcome.report,
  };
}
