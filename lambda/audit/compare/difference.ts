/**
 * Differences between source and target: objects that the target lacks or has in another form. Objects that only the
 * target has are ignored, except privileges.
 */
import type { Catalog } from '../catalog';
import type { NotCheckedItem } from '../not-checked';

/** Ids of the checks that report differences (lambda/defects/kinds). */
export const COMPARED_IDS = [
  'missing-schema',
  'missing-extension',
  'extension-schema-changed',
  'missing-type',
  'missing-enum-value',
  'missing-collation',
  'locale-changed',
  'missing-table',
  'missing-column',
  'column-type-changed',
  'missing-not-null',
  'missing-primary-key-default',
  'missing-default',
  'missing-identity',
  'missing-primary-key',
  'missing-unique-index',
  'missing-index',
  'missing-foreign-key',
  'missing-constraint',
  'constraint-renamed',
  'missing-sequence',
  'sequence-unowned',
  'sequence-too-small',
  'missing-view',
  'missing-materialized-view',
  'missing-function',
  'missing-trigger',
  'missing-rule',
  'missing-policy',
  'row-security-disabled',
  'missing-replica-identity',
  'missing-publication',
  'missing-grant',
  'grant-added',
  'missing-comment',
  'missing-setting',
] as const;
export type ComparedId = (typeof COMPARED_IDS)[number];

/** One object of the source, and its counterpart in the target. */
export type LostObject = {
  readonly [K in keyof Catalog]: {
    readonly kind: K;
    readonly from: Catalog[K][number];
    /**
     * Object of the target.
     * @default - the target has none
     */
    readonly to?: Catalog[K][number];
  };
}[keyof Catalog];

export interface Difference {
  readonly id: ComparedId;
  /** Object that the difference is about, see {@link Finding.object}. */
  readonly object: string;
  /** Message of the finding, as a sentence. */
  readonly message: string;
  /** Form of the object in the source, as SQL or in words. null if the message is sufficient. */
  readonly source: string | null;
  /** Form of the object in the target. null if the target lacks it. */
  readonly target: string | null;
  /** Objects that the difference is about, from which the repairing migration is written. */
  readonly lost: readonly LostObject[];
  /**
   * Names by which a statement would use the object, not quoted, as in the catalog.
   * @default - statements do not name it
   */
  readonly names?: readonly string[];
  /** Schema and name of the table that the object belongs to or is. */
  readonly table?: readonly [schema: string, table: string];
  /** Columns and expressions of a key. */
  readonly columns?: readonly string[];
  /**
   * Whether the difference is common after a move and harmless unless a statement names the object. @default - it
   * matters
   */
  readonly isHabit?: true;
  /** The privilege to look up in the target, to decide whether the missing grant matters. */
  readonly privilege?: LostPrivilege;
}

export interface LostPrivilege {
  readonly on: string;
  readonly object: readonly string[];
  readonly signature?: string;
  readonly grantee: string;
  /** Privileges as has_table_privilege takes them: `SELECT WITH GRANT OPTION`. */
  readonly privileges: readonly string[];
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Parts that could not be compared. */
  readonly notChecked: readonly NotCheckedItem[];
}

export const NO_DIFFERENCES: Comparison = { differences: [], notChecked: [] };

export const makeComparison = (differences: readonly Difference[]): Comparison => ({
  differences,
  notChecked: [],
});
