/** The drift check's report on one server of a fleet: for each finding, the number of tenants that have it. */

export interface FleetDrift {
  /**
   * Number of tenants that were checked. Each run checks those whose turn it is, and every tenant is checked at least
   * once a day.
   */
  readonly checked: number;
  /** Number of those that were not reached in time. They come first the next day. */
  readonly notReached: number;
  /** Whether a fleet run was in progress on this server. Tenants that are behind then mean nothing. */
  readonly deploying: boolean;
  /** Number of databases that were audited. */
  readonly audited: number;
  /** Sorted by the number of tenants, descending. */
  readonly findings: readonly FleetFinding[];
  /**
   * Number of audit checks with findings that have not been paged yet. `null` if no ledger can record which ones were
   * paged.
   */
  readonly unpaged: number | null;
  /** Log settings of the server that hide errors from the alarms, as sentences. */
  readonly logging: readonly string[];
}

/**
 * The kind of a finding about a tenant or a database:
 * - `drift`: something that was applied no longer exists
 * - `verify-error`: a verify section could not run
 * - `not-checked`: a verify section was not run, because it may run code that is not trusted with the login's
 *   privileges
 * - `pending`: migrations of the deployed code are not applied
 * - `workload`: statements of the running application no longer plan
 * - `unreachable`: its database could not be queried
 * - `not-readable`: the server's login may not read it, or only part of it; if the login may not connect to a
 *   database, or may not read its ledger, it is not known whether the database holds tenants
 * - any other: the id of an audit check
 */
export type FleetFindingKind =
  | 'drift'
  | 'verify-error'
  | 'not-checked'
  | 'pending'
  | 'workload'
  | 'unreachable'
  | 'not-readable'
  | (string & {});

export interface FleetFinding {
  readonly kind: FleetFindingKind;
  /**
   * Number of tenants. It counts databases for audit checks, for `unreachable`, and for `not-readable` where no tenant is
   * known.
   */
  readonly tenants: number;
  /** The first few, as `database` or `database/schema`. */
  readonly first: readonly string[];
  /** A sentence about the first one. */
  readonly example: string;
}
