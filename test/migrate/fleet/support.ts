/** The function of a fleet's server, as the state machine and `deploy` ask it: in this process, on a real server. */
import type {
  FleetFile,
  FleetRequest,
  FleetTenant,
  TenantAnswer,
  TenantWork,
} from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { MigrateRequest, MigrateResponse } from '../../../lambda/contract/migrate';
import { handleRequest } from '../../../lambda/migrate/actions';
import type { Connect, ConnectOptions } from '../../../lambda/migrate/connect';
import { connectPg } from '../../../lambda/postgres/pg';
import { urlOf } from '../../support/database';
import { manifestOf } from '../../support/manifest';

export const OWNER = { account: '111122223333', region: 'eu-central-1', stackName: 'Shop' };

/** @param url of the database that the settings name */
export const connectTo =
  (url: string): Connect =>
  ({ database, readOnly, namespace = 'crm' }: ConnectOptions = {}) =>
    connectPg({
      url: urlOf(url, database === undefined ? {} : { database }),
      readOnly,
      applicationName: `trueup ${namespace}`,
    });

export interface FleetFunction {
  readonly url: string;
  readonly manifest?: Manifest;
  readonly connect?: Connect;
  readonly fleet?: Partial<FleetFile>;
  readonly deadlineMs?: number;
  readonly checksADay?: number;
}

export const ask = (of: FleetFunction, request: MigrateRequest): Promise<MigrateResponse> =>
  handleRequest(request, {
    settings: {
      namespace: 'crm',
      ownerRole: null,
      ...(of.checksADay === undefined ? {} : { checksADay: of.checksADay }),
    },
    manifest: of.manifest ?? manifestOf(),
    fleet: { server: 'main', sources: [], sharedSchemas: [], tenantTimeoutMs: 60_000, ...of.fleet },
    connect: of.connect ?? connectTo(of.url),
    progress: () => {},
    deadline: Date.now() + (of.deadlineMs ?? 30_000),
  });

let runs = 0;

/** Of one run over the fleet. */
export const runRequest = (manifest: Manifest, change: Partial<FleetRequest> = {}): FleetRequest => ({
  id: `run-${++runs}`,
  startedAt: new Date().toISOString(),
  owner: OWNER,
  direction: 'forward',
  manifestHash: manifest.hash,
  ...change,
});

/** As a child of the map: until the answer is not `continue`. */
export async function callTenant(
  of: FleetFunction,
  work: TenantWork,
  tenant: FleetTenant,
  request: FleetRequest,
): Promise<TenantAnswer> {
  let last: { readonly answer?: { readonly tenant?: TenantAnswer } } | undefined;
  for (;;) {
    const response = await ask(of, {
      action: 'tenant',
      work,
      tenant,
      request,
      ...(last ? { last } : {}),
    });
    if (response.action !== 'tenant') throw new Error(JSON.stringify(response));
    if (response.tenant.state !== 'continue') return response.tenant;
    last = { answer: response };
  }
}
