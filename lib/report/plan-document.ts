/** The document that `plan --json` prints, from which its markdown is built. */

import type { ErrorInfo } from '../../lambda/contract/errors';
import type { Manifest } from '../../lambda/contract/manifest';
import type { Plan, VerifyFinding } from '../../lambda/contract/status';
import type { TouchedStatements } from '../workload/touched-statements';

/** The effect of pending migrations on the application's statements. */
export interface WorkloadPlan {
  readonly statements: number;
  readonly plan: number;
  /**
   * Statements that fail on the database in its present state: they were broken before, or need a pending migration.
   */
  readonly failing: readonly { readonly text: string; readonly sqlstate: string; readonly why: string }[];
  /** Number of undecided statements by reason. */
  readonly undecided: Readonly<Record<string, number>>;
  /** One entry for each pending migration. */
  readonly touched: readonly TouchedStatements[];
  /**
   * Why live statements are not guarded; `null` if they are.
   * @default - unknown, because there is no live database
   */
  readonly live?: string | null;
}

/** The result of applying the pending migrations to an empty server. */
export interface PlanTrial {
  readonly serverVersion: string;
  /** `null` if all of them were applied. */
  readonly error: ErrorInfo | null;
  /** Findings of the verify sections afterwards. */
  readonly findings: readonly VerifyFinding[];
  /**
   * The workload after the last migration.
   * @default - none was given, or not everything was applied
   */
  readonly workload?: Pick<WorkloadPlan, 'statements' | 'plan' | 'failing' | 'undecided'>;
}

/** How a migration is verified and undone. */
export interface MigrationSections {
  readonly migration: string;
  /** SQL queries; each row that one returns is a problem. */
  readonly verify: readonly string[];
  /** Why there is no verify section; `null` if there is one. */
  readonly withoutVerify: string | null;
  readonly undo: 'automatic' | 'by-name' | 'none';
  /** SQL of the down section. */
  readonly down: readonly string[];
}

export interface PlanDocument extends Plan {
  readonly workload?: WorkloadPlan;
  /**
   * Sections of the migrations in `steps`.
   * @default - unknown for the function of a stack
   */
  readonly sections?: readonly MigrationSections[];
  /**
   * Result of the trial with `--since`.
   * @default - nothing was tried
   */
  readonly trial?: PlanTrial;
}

export function buildSections({ migrations }: Manifest, { steps }: Plan): readonly MigrationSections[] {
  const planned = new Set(steps.map(({ migration }) => migration));
  return migrations
    .filter(({ name }) => planned.has(name))
    .map(({ name, verify, withoutVerify, undo, down }) => ({
      migration: name,
      verify: verify.map(({ sql }) => sql),
      withoutVerify,
      undo,
      down: down.map(({ sql }) => sql),
    }));
}
