/** What a source has and the target has not, or has otherwise. What only the target has is no difference. */
import type { Catalogue } from '../catalogue';
import type { NotSeen } from '../not-seen';

/** Ids of the kinds that report them (lambda/defects/kinds/lost). */
export const COMPARED = [
  'schema-lost',
  'extension-missing',
  'extension-schema',
  'type-lost',
  'enum-value-lost',
  'collation-lost',
  'locale-changed',
  'table-lost',
  'column-lost',
  'column-type',
  'not-null-lost',
  'missing-id-default',
  'default-lost',
  'identity-lost',
  'primary-key-lost',
  'unique-lost',
  'index-lost',
  'missing-foreign-key',
  'constraint-lost',
  'renamed',
  'sequence-lost',
  'sequence-unowned',
  'sequence-too-small',
  'view-lost',
  'materialized-view-lost',
  'function-lost',
  'trigger-lost',
  'rule-lost',
  'policy-lost',
  'row-security-lost',
  'replica-identity',
  'publication-lost',
  'grant-lost',
  'comment-lost',
  'setting-lost',
] as const;
export type ComparedId = (typeof COMPARED)[number];

/** One object of the source, and what the target has in its place. */
export type Lost = {
  readonly [K in keyof Catalogue]: {
    readonly kind: K;
    readonly from: Catalogue[K][number];
    /** @default - nothing */
    readonly to?: Catalogue[K][number];
  };
}[keyof Catalogue];

export interface Difference {
  readonly id: ComparedId;
  /** As {@link Finding.object}. */
  readonly object: string;
  /** A sentence. */
  readonly message: string;
  /** How the source has it, as SQL or in words; null where the message says it all. */
  readonly source: string | null;
  /** How the target has it; null where it has none. */
  readonly target: string | null;
  /** The objects that it is about: what a migration that mends it is written from. */
  readonly lost: readonly Lost[];
  /** By what names a statement would use it, as the catalogue has them. @default - statements do not name it */
  readonly names?: readonly string[];
  /** Schema and table that it belongs to, or is. */
  readonly table?: readonly [schema: string, table: string];
  /** Of a key: its columns and expressions. */
  readonly columns?: readonly string[];
  /** Many moves leave it, and nobody misses it unless a statement names it. @default - it matters */
  readonly isHabit?: true;
  /** For whoever asks the target whether it matters (grants). */
  readonly privilege?: PrivilegeLost;
}

export interface PrivilegeLost {
  readonly on: string;
  readonly object: readonly string[];
  readonly signature?: string;
  readonly grantee: string;
  /** As has_table_privilege takes them: `SELECT WITH GRANT OPTION`. */
  readonly privileges: readonly string[];
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** What could not be compared. */
  readonly notSeen: readonly NotSeen[];
}

export const NONE: Comparison = { differences: [], notSeen: [] };

export const only = (differences: readonly Difference[]): Comparison => ({ differences, notSeen: [] });
