/**
 * Requests to the function of a fleet's server, and its answers. Each server has its own function with its own host
 * and login, so a tenant cannot name either.
 */
import type { ConvergeRequest, KeptMigration } from './converge';
import type { ErrorInfo } from './errors';

/**
 * The state of a tenant:
 * - `up to date`: there is nothing to do
 * - `behind`: migrations are to be applied or completed, or the ledger has another workload or other shared schemas
 * - `edited`: an applied file was edited since; nothing is applied
 * - `foreign`: another stack owns the tenant's namespace
 * - `refused`: something else prevents its migration; `error` says what
 * - `unreachable`: its database cannot be reached, or rejects the login
 */
export type InspectedState = 'up to date' | 'behind' | 'edited' | 'foreign' | 'refused' | 'unreachable';

export interface TenantStatus {
  readonly state: InspectedState;
  /** Names, in the order in which they would be applied. */
  readonly pending: readonly string[];
  /**
   * Other differences in the ledger: the guaranteed workload, the schemas after the tenant's own, or the names of
   * files.
   * @default - nothing
   */
  readonly changes?: readonly ('workload' | 'schemas' | 'names')[];
  /** The newest applied versioned migration; empty if there is none, or if it is not known. */
  readonly position: string;
  /** The reason for one of the last four states. @default - none */
  readonly error?: ErrorInfo;
}

/** A tenant as its server's function addresses it: a database, or a schema in one. */
export interface FleetTenant {
  /** A name for people, unique in the fleet. */
  readonly name: string;
  readonly database: string;
  /** @default - the tenant has the whole database */
  readonly schema?: string;
  /**
   * Name of the secret with user name and password, relative to the prefix that the fleet declares. The host is
   * always that of the server.
   * @default - the server's login
   */
  readonly secret?: string;
}

/** Limits on the databases and secrets that a list may name, as declared in the template. */
export interface TenantListLimits {
  /** Patterns for names of databases. @default - any that is not the server's own */
  readonly databases?: readonly string[];
  /** Prefix for names of secrets, for all servers or by server. @default - a list cannot name secrets */
  readonly secretPrefix?: string | Readonly<Record<string, string>>;
}

/**
 * Where a fleet's tenants come from, as declared in the template. The declaration is stored beside the manifest in
 * the function's code. It is never accepted in a request, since otherwise any caller could send its own query.
 */
export type TenantSource = {
  /** Whether the source may return no tenants. @default false */
  readonly allowEmpty?: boolean;
} /**
 * A query with the columns `name`, `database`, `schema`, `server`, `secret`, in any order; all but `name` may be left
 * out or NULL. It runs in this database in a read-only transaction, with a statement timeout.
 */ & (
  | { readonly kind: 'query'; readonly database: string; readonly sql: string }
  /**
   * Each database whose name matches `pattern`, and none of `exclude`, is a tenant of that name. `*` matches any
   * characters, `?` a single one.
   */
  | { readonly kind: 'databases'; readonly pattern: string; readonly exclude?: readonly string[] }
  /** Each matching schema of one database is a tenant, by the same rules. */
  | {
      readonly kind: 'schemas';
      readonly database: string;
      readonly pattern: string;
      readonly exclude?: readonly string[];
    }
);

/**
 * Name of the file with the {@link FleetFile}, beside the bundled handler of `migrate`; the environment names it
 * (`fleetFile` in its settings).
 */
export const FLEET_FILE = 'fleet.json';

/** The fleet's settings for one server's function, in a file beside the manifest. */
export interface FleetFile extends TenantListLimits {
  /** The server's name in the fleet. */
  readonly server: string;
  /** The sources that this server reads. */
  readonly sources: readonly TenantSource[];
  /** Schemas that follow a tenant's own in the search path. */
  readonly sharedSchemas: readonly string[];
  /** Time limit for a tenant, from its first slice, in milliseconds. */
  readonly tenantTimeoutMs: number;
  /**
   * Hash of everything that the functions of one deployment contain: migrations, the guaranteed workload, and these
   * files.
   * @default - written by an older version
   */
  readonly code?: string;
}

/** A request for a page of a source's tenants, in a stable order. */
export interface TenantListRequest {
  /** Index of the source in {@link FleetFile.sources}. */
  readonly source: number;
  /** The `next` of the previous page. @default - the first page */
  readonly after?: string | null;
  readonly limit: number;
}

export interface TenantPage {
  /** `server` can only come from a query. @default - the server whose function answers */
  readonly tenants: readonly (FleetTenant & { readonly server?: string })[];
  /** `null` after the last page. */
  readonly next: string | null;
}

/**
 * The work on a tenant:
 * - `inspect`: reads its state; read-only
 * - `verify`: does the same, and verifies a tenant that is up to date
 * - `apply`: runs a slice of its migration
 * - `undo`: undoes migrations by the rules of rollback; a tenant that no longer exists is not an error
 */
export type TenantWork = 'inspect' | 'verify' | 'apply' | 'undo';

/** The part of the request that is the same for all tenants of a run. Everything else follows from the tenant. */
export type FleetRequest = Pick<
  ConvergeRequest,
  | 'id'
  | 'startedAt'
  | 'owner'
  | 'adopt'
  | 'direction'
  | 'manifestHash'
  | 'failed'
  | 'rollbackAfterSuccess'
  | 'remove'
  | 'baseline'
> & {
  /** {@link FleetFile.code} of the functions that the request is for. @default - any with this manifest */
  readonly code?: string;
};

/** The request of one child of the map, which repeats it until the answer is not `continue`. */
export interface TenantRequest {
  readonly work: TenantWork;
  readonly tenant: FleetTenant;
  /**
   * A function with other code refuses it, since a deployment or a rollback may replace the code while a map is
   * running.
   */
  readonly request: FleetRequest;
  /** The answer of the previous slice, as Step Functions passes it on. @default - the first slice */
  readonly last?: { readonly answer?: { readonly tenant?: TenantAnswer } };
}

/**
 * The answer for one tenant. At most 2 KB, since a run keeps one for each tenant. Contains no secrets and no row
 * data.
 */
export interface TenantAnswer {
  readonly name: string;
  /**
   * The tenant's state. `continue`: call again. `failed`: its migration was attempted and not completed. `undone`:
   * the rules of rollback were applied, whatever they kept. `drifted`: it is up to date, but its verify sections
   * fail. `missing`: the tenant no longer exists.
   */
  readonly state: InspectedState | 'drifted' | 'failed' | 'undone' | 'missing' | 'continue';
  /** ISO time in UTC at which its first slice began. */
  readonly startedAt: string;
  /** Number of migrations that are not applied. */
  readonly pending: number;
  readonly position: string;
  /** See {@link TenantStatus}. @default - nothing */
  readonly changes?: TenantStatus['changes'];
  /** Migrations that this run applied or undid; only the newest ones if there are many. @default - none */
  readonly changed?: readonly string[];
  /** Migrations that a rollback did not undo. @default - none */
  readonly kept?: readonly KeptMigration[];
  /** The reason for a state that is not the expected one. @default - none */
  readonly error?: ErrorInfo;
}

/** The current load of a server. */
export interface ServerState {
  /** Number of connections that it would still accept from an ordinary role. */
  readonly freeConnections: number;
  /** Tenants that a runner is working on now, according to their locks. */
  readonly inFlight: {
    readonly count: number;
    /** At most ten of them, as far as they are known. */
    readonly first: readonly { readonly database: string; readonly namespace: string | null }[];
  };
}
