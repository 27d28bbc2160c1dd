/** The handler inside the VPC. It connects only to the database and to Secrets Manager. */
import { readFileSync } from 'node:fs';
import type { FleetFile } from '../contract/fleet';
import type { Manifest } from '../contract/manifest';
import type { MigrateRequest, MigrateResponse } from '../contract/migrate';
import { describeUnexpectedError } from '../engine/apply/failures';
import { type LogFields, log } from '../log';
import { type ActionContext, handleRequest } from './actions';
import { makeConnector } from './connect';
import { readMigrateSettings } from './migrate-settings';

/** The properties of Lambda's context that are used here. */
interface LambdaContext {
  readonly awsRequestId?: string;
  getRemainingTimeInMillis(): number;
}

/** Time reserved for the response: ten seconds, or a fifth of the timeout if that is shorter. */
const MARGIN_MS = 10_000;

let cachedContext: Omit<ActionContext, 'progress' | 'deadline'> | undefined;

/** Loads settings and files once per process. An invalid setting becomes an ordinary error response. */
function loadContext(): Omit<ActionContext, 'progress' | 'deadline'> {
  if (cachedContext) return cachedContext;
  const settings = readMigrateSettings(process.env, __dirname);
  const manifest = JSON.parse(readFileSync(settings.manifestFile, 'utf8')) as Manifest;
  const fleet =
    settings.fleetFile === undefined
      ? undefined
      : (JSON.parse(readFileSync(settings.fleetFile, 'utf8')) as FleetFile);
  cachedContext = { settings, manifest, ...(fleet ? { fleet } : {}), connect: makeConnector(settings) };
  return cachedContext;
}

export async function handler(request: MigrateRequest, context: LambdaContext): Promise<MigrateResponse> {
  const remainingMs = context.getRemainingTimeInMillis();
  const deadline = Date.now() + remainingMs - Math.min(MARGIN_MS, remainingMs / 5);
  const about: LogFields = {
    action: request.action,
    ...('request' in request ? { request: request.request.id, direction: request.request.direction } : {}),
    ...('tenant' in request ? { work: request.work, tenant: request.tenant.name } : {}),
    ...('id' in request ? { request: request.id } : {}),
  };
  log('request-started', {
    ...about,
    budgetMs: Math.round(deadline - Date.now()),
    invocation: context.awsRequestId,
  });
  const begunMs = Date.now();
  const response = await respondToRequest(request, deadline, about);
  log('request-ended', { ...about, durationMs: Date.now() - begunMs, ...buildOutcomeFields(response) });
  return response;
}

async function respondToRequest(
  request: MigrateRequest,
  deadline: number,
  about: LogFields,
): Promise<MigrateResponse> {
  let context: Omit<ActionContext, 'progress' | 'deadline'>;
  try {
    context = loadContext();
  } catch (error) {
    return { action: 'error', error: describeUnexpectedError(error) };
  }
  return handleRequest(request, {
    ...context,
    deadline,
    progress: (event) => log('run-progressed', { ...about, step: event }),
  });
}

/** Returns the fields to log. The error is logged in full, because it never contains row data. */
function buildOutcomeFields(response: MigrateResponse): LogFields {
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
