/** What the scheduled check says of a fleet's server: by kind, never by tenant. */

export interface FleetDrift {
  /** Tenants that were looked at: those whose turn it is in this run. All have one within a day. */
  readonly looked: number;
  /** Of those, not reached in time. They come first tomorrow. */
  readonly notReached: number;
  /** A run over the fleet was under way on this server: that tenants are behind says nothing then. */
  readonly deploying: boolean;
  /** Databases that were audited. */
  readonly audited: number;
  /** The most tenants first. */
  readonly kinds: readonly FleetFinding[];
  /** Findings of audits, by kind, that nobody was told of. Null where no ledger can remember it. */
  readonly unpaged: number | null;
  /** Log settings of the server that hide errors from the alarms: sentences. */
  readonly logging: readonly string[];
}

/**
 * - `drift`: what was applied is no longer there
 * - `unproved`: a verify section could not run
 * - `pending`: migrations of the deployed code are not applied
 * - `workload`: statements of the running application no longer plan
 * - `unreachable`: its database could not be asked
 * - `not-seen`: the server's login may not look there, or not at all of it; of databases to which it may not connect, or whose
 *   ledger it may not read, it is not known whether they hold tenants
 * - any other: a kind of finding of the audit
 */
export type FleetFindingKind =
  | 'drift'
  | 'unproved'
  | 'pending'
  | 'workload'
  | 'unreachable'
  | 'not-seen'
  | (string & {});

export interface FleetFinding {
  readonly kind: FleetFindingKind;
  /** How many tenants; of the audit's kinds, of `unreachable`, and of `not-seen` where no tenant is known, databases. */
  readonly tenants: number;
  /** The first few: `database`, or `database/schema`. */
  readonly first: readonly string[];
  /** Of the first one: a sentence. */
  readonly example: string;
}
