/** What is asked and answered of one tenant of a fleet. */
import type { ErrorInfo } from './errors';

/**
 * - `at version`: nothing is to be done
 * - `behind`: migrations are to be applied, or brought to their end
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
  /** Newest applied versioned migration; empty where there is none, or it is not known. */
  readonly position: string;
  /** Why, for the last four states. @default - none */
  readonly error?: ErrorInfo;
}
