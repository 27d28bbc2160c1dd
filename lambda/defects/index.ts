/** Registers all kinds. */
import type { ComparedId } from '../audit/compare/difference';
import type { DefectKind, LogSignature } from './defect';
import type { FindingKind } from './kind';
import { brokenFunction } from './kinds/broken-function';
import { collationVersionChanged } from './kinds/collation-version-changed';
import { constraintNotEnforced } from './kinds/constraint-not-enforced';
import { deferrableArbiter } from './kinds/deferrable-arbiter';
import { duplicateKeys } from './kinds/duplicate-keys';
import { failingStatement } from './kinds/failing-statement';
import { invalidIndex } from './kinds/invalid-index';
import { keysWithoutDefault } from './kinds/keys-without-default';
import { mismatchedKeyTypes } from './kinds/mismatched-key-types';
import { missingConflictPredicate } from './kinds/missing-conflict-predicate';
import { missingConflictTarget } from './kinds/missing-conflict-target';
import { missingExtension } from './kinds/missing-extension';
import { missingForeignKey } from './kinds/missing-foreign-key';
import { MISSING_OBJECT_KINDS } from './kinds/missing-objects';
import { missingPrimaryKeyDefault } from './kinds/missing-primary-key-default';
import { missingReplicaIdentity } from './kinds/missing-replica-identity';
import { missingRows } from './kinds/missing-rows';
import { missingUuidFunction } from './kinds/missing-uuid-function';
import { notNullTooEarly } from './kinds/not-null-too-early';
import { orphanedRows } from './kinds/orphaned-rows';
import { rowSecurityWithoutPolicy } from './kinds/row-security-without-policy';
import { sequenceBehind } from './kinds/sequence-behind';
import { sequenceTooSmall } from './kinds/sequence-too-small';
import { sequenceUnowned } from './kinds/sequence-unowned';
import { uniquePerPartition } from './kinds/unique-per-partition';
import { unvalidatedConstraint } from './kinds/unvalidated-constraint';

/** A check needs all its parts to compile. The test cases are a record over these ids too. */
const KINDS_BY_ID = {
  'missing-primary-key-default': missingPrimaryKeyDefault,
  'not-null-too-early': notNullTooEarly,
  'missing-conflict-target': missingConflictTarget,
  'missing-conflict-predicate': missingConflictPredicate,
  'missing-uuid-function': missingUuidFunction,
  'missing-foreign-key': missingForeignKey,
  'mismatched-key-types': mismatchedKeyTypes,
  'invalid-index': invalidIndex,
  'unvalidated-constraint': unvalidatedConstraint,
  'sequence-behind': sequenceBehind,
} satisfies Readonly<Record<string, DefectKind>>;

export type KindId = keyof typeof KINDS_BY_ID;

/** Checks for problems that cause errors in the log or that a page can report in full. */
export const DEFECT_KINDS: readonly DefectKind[] = Object.values(KINDS_BY_ID);

/** Checks that only an audit runs. A {@link ComparedId} without a check does not compile. */
const AUDIT_ONLY_KINDS_BY_ID = {
  'keys-without-default': keysWithoutDefault,
  'sequence-unowned': sequenceUnowned,
  'sequence-too-small': sequenceTooSmall,
  'collation-version-changed': collationVersionChanged,
  'duplicate-keys': duplicateKeys,
  'constraint-not-enforced': constraintNotEnforced,
  'orphaned-rows': orphanedRows,
  'missing-rows': missingRows,
  'row-security-without-policy': rowSecurityWithoutPolicy,
  'deferrable-arbiter': deferrableArbiter,
  'unique-per-partition': uniquePerPartition,
  'missing-replica-identity': missingReplicaIdentity,
  'failing-statement': failingStatement,
  'broken-function': brokenFunction,
  'missing-extension': missingExtension,
  ...MISSING_OBJECT_KINDS,
} satisfies Readonly<Record<Exclude<ComparedId, KindId>, FindingKind>> &
  Readonly<Record<string, FindingKind>>;

export type AuditFindingId = KindId | keyof typeof AUDIT_ONLY_KINDS_BY_ID;

export const AUDIT_KINDS: readonly FindingKind[] = [
  ...DEFECT_KINDS,
  ...Object.values(AUDIT_ONLY_KINDS_BY_ID),
];

export const findDefectKind = (id: string): DefectKind | null =>
  DEFECT_KINDS.find((kind) => kind.id === id) ?? null;

/** Returns the checks for problems that cause the same error message. */
export const listKindsOfSignature = (signature: LogSignature): readonly DefectKind[] =>
  DEFECT_KINDS.filter((kind) => kind.log === signature);
