/**
 * What is asked of the function of one server of a fleet, and answered. Every server has a function of its own, with its own
 * host and login, so no target can name either.
 */
import type { ConvergeRequest, Kept } from './converge';
import type { ErrorInfo } from './errors';

/**
 * - `at version`: nothing is to be done
 * - `behind`: migrations are to be applied or brought to their end, or the ledger has another workload or other shared schemas
 * - `edited`: an applied file has changed since; nothing is applied there
 * - `foreign`: a stack owns it, and not the one that asks
 * - `refused`: something else forbids to migrate it; `error` says what
 * - `unreachable`: its database cannot be reached, or refuses the login
 */
export type TargetState = 'at version' | 'behind' | 'edited' | 'foreign' | 'refused' | 'unreachable';

export interface Standing {
  readonly state: TargetState;
  /** Names, in the order in which they would be applied. */
  readonly pending: readonly string[];
  /** What else the ledger has otherwise than it is asked for: the application's statements, the schemas after the tenant's own. @default - nothing */
  readonly changes?: readonly ('workload' | 'schemas')[];
  /** Newest applied versioned migration; empty where there is none, or it is not known. */
  readonly position: string;
  /** Why, for the last four states. @default - none */
  readonly error?: ErrorInfo;
}

/** One tenant, as its server's function knows it: a database, or a schema in one. */
export interface FleetTarget {
  /** For people; unique in the fleet. */
  readonly name: string;
  readonly database: string;
  /** @default - the tenant has the whole database */
  readonly schema?: string;
  /**
   * Name of the secret with user name and password, below the prefix that the fleet declares. The host is the server's always.
   * @default - the server's login
   */
  readonly secret?: string;
}

/** What a list may name, as the owner declared it in the template. */
export interface ListBounds {
  /** Patterns of names of databases. @default - any that is not the server's own */
  readonly databases?: readonly string[];
  /** How names of secrets begin. @default - a list names none */
  readonly secretPrefix?: string;
}

/**
 * Where a fleet's targets come from, as its owner wrote it in the template. It lies beside the manifest in the function's
 * code and is never part of a request: a query that travelled would be anybody's.
 */
export type TargetSource =
  /**
   * A query with the columns `name`, `database`, `schema`, `server`, `secret`, in any order; all but `name` may be left out or NULL.
   * It runs in this database, read only, with a statement timeout.
   */
  | { readonly kind: 'query'; readonly database: string; readonly sql: string }
  /** Each database whose name matches is a tenant of that name. `*`: any characters; `?`: one. */
  | { readonly kind: 'databases'; readonly pattern: string; readonly except?: readonly string[] }
  /** Each schema of this database whose name matches is a tenant of that name. */
  | {
      readonly kind: 'schemas';
      readonly database: string;
      readonly pattern: string;
      readonly except?: readonly string[];
    };

/** {@link FleetFile}, beside the bundled handler of `migrate`; the environment names it (`fleetFile` in its settings). */
export const FLEET_FILE = 'fleet.json';

/** What a server's function knows of its fleet: a file beside the manifest. */
export interface FleetFile extends ListBounds {
  /** The server's name in the fleet. */
  readonly server: string;
  /** Those that this server answers. */
  readonly sources: readonly TargetSource[];
  /** Searched after a tenant's own schema. */
  readonly sharedSchemas: readonly string[];
  /** From a tenant's first slice on, ms. */
  readonly perTargetTimeoutMs: number;
  /**
   * Hash of what the functions of one deployment carry: migrations, the application's statements, and these files.
   * @default - written by an older version
   */
  readonly code?: string;
}

/** A page of a source's targets, in a stable order. */
export interface TargetsRequest {
  /** Its place in {@link FleetFile.sources}. */
  readonly source: number;
  /** The `next` of the page before. @default - the first page */
  readonly after?: string | null;
  readonly limit: number;
}

export interface TargetPage {
  /** `server`: only a query may say it. @default - the server that answers */
  readonly targets: readonly (FleetTarget & { readonly server?: string })[];
  /** Null after the last page. */
  readonly next: string | null;
}

/**
 * - `look`: where it stands; read only
 * - `prove`: the same; of a tenant that is at version, also whether what was applied is still there
 * - `apply`: a slice of its migration
 * - `undo`: by the rules of rollback; a tenant that is gone is no error
 */
export type TenantWork = 'look' | 'prove' | 'apply' | 'undo';

/** The same for all tenants of a run; what differs between them follows from the target. */
export type FleetRequest = Pick<
  ConvergeRequest,
  | 'id'
  | 'startedAt'
  | 'owner'
  | 'adopt'
  | 'direction'
  | 'manifestHash'
  | 'failed'
  | 'undoAfterSuccess'
  | 'remove'
> & {
  /** {@link FleetFile.code} of the functions that are meant. @default - any with this manifest */
  readonly code?: string;
};

/** What a child of the map asks, again and again until the answer is not `continue`. */
export interface TenantRequest {
  readonly work: TenantWork;
  readonly target: FleetTarget;
  /** Other code refuses: a deployment or a rollback changes it under a running map. */
  readonly request: FleetRequest;
  /** What the slice before answered, as Step Functions keeps it. @default - the first slice */
  readonly last?: { readonly answer?: { readonly tenant?: TenantAnswer } };
}

/** 2 KB at most: a run keeps one for each tenant. No secret, no row data. */
export interface TenantAnswer {
  readonly name: string;
  /**
   * `continue`: ask again. `failed`: its migration was tried and did not come to its end. `undone`: the rules of rollback
   * were followed, whatever they kept. `drifted`: it is at version, and its verify sections do not pass. `gone`: there is no such tenant any more.
   */
  readonly state: TargetState | 'drifted' | 'failed' | 'undone' | 'gone' | 'continue';
  /** ISO time in UTC at which its first slice began. */
  readonly startedAt: string;
  /** How many migrations are not applied. */
  readonly pending: number;
  readonly position: string;
  /** As of {@link Standing}. @default - nothing */
  readonly changes?: Standing['changes'];
  /** Applied or undone by this run; the newest ones, where they are many. @default - none */
  readonly changed?: readonly string[];
  /** Left as they are by a rollback. @default - none */
  readonly kept?: readonly Kept[];
  /** Why, for a state that is wrong. @default - none */
  readonly error?: ErrorInfo;
}

/** A server at this moment. */
export interface ServerState {
  /** Connections that it would still give to anybody. */
  readonly freeConnections: number;
  /** Tenants that some runner works on just now, by their locks. */
  readonly inFlight: {
    readonly count: number;
    /** Which, as far as it is known; ten at most. */
    readonly first: readonly { readonly database: string; readonly namespace: string | null }[];
  };
}
