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
import { columnTypeChanged } from './kinds/lost/column-type-changed';
import { constraintRenamed } from './kinds/lost/constraint-renamed';
import { extensionSchemaChanged } from './kinds/lost/extension-schema-changed';
import { grantAdded } from './kinds/lost/grant-added';
import { localeChanged } from './kinds/lost/locale-changed';
import { missingCollation } from './kinds/lost/missing-collation';
import { missingColumn } from './kinds/lost/missing-column';
import { missingComment } from './kinds/lost/missing-comment';
import { missingConstraint } from './kinds/lost/missing-constraint';
import { missingDefault } from './kinds/lost/missing-default';
import { missingEnumValue } from './kinds/lost/missing-enum-value';
import { missingExtension } from './kinds/lost/missing-extension';
import { missingFunction } from './kinds/lost/missing-function';
import { missingGrant } from './kinds/lost/missing-grant';
import { missingIdentity } from './kinds/lost/missing-identity';
import { missingIndex } from './kinds/lost/missing-index';
import { missingMaterializedView } from './kinds/lost/missing-materialized-view';
import { missingNotNull } from './kinds/lost/missing-not-null';
import { missingPolicy } from './kinds/lost/missing-policy';
import { missingPrimaryKey } from './kinds/lost/missing-primary-key';
import { missingPublication } from './kinds/lost/missing-publication';
import { missingRule } from './kinds/lost/missing-rule';
import { missingSchema } from './kinds/lost/missing-schema';
import { missingSequence } from './kinds/lost/missing-sequence';
import { missingSetting } from './kinds/lost/missing-setting';
import { missingTable } from './kinds/lost/missing-table';
import { missingTrigger } from './kinds/lost/missing-trigger';
import { missingType } from './kinds/lost/missing-type';
import { missingUniqueIndex } from './kinds/lost/missing-unique-index';
import { missingView } from './kinds/lost/missing-view';
import { rowSecurityDisabled } from './kinds/lost/row-security-disabled';
import { mismatchedKeyTypes } from './kinds/mismatched-key-types';
import { missingConflictPredicate } from './kinds/missing-conflict-predicate';
import { missingConflictTarget } from './kinds/missing-conflict-target';
import { missingForeignKey } from './kinds/missing-foreign-key';
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
  'missing-schema': missingSchema,
  'missing-extension': missingExtension,
  'extension-schema-changed': extensionSchemaChanged,
  'missing-type': missingType,
  'missing-enum-value': missingEnumValue,
  'missing-collation': missingCollation,
  'locale-changed': localeChanged,
  'missing-table': missingTable,
  'missing-column': missingColumn,
  'column-type-changed': columnTypeChanged,
  'missing-not-null': missingNotNull,
  'missing-default': missingDefault,
  'missing-identity': missingIdentity,
  'missing-primary-key': missingPrimaryKey,
  'missing-unique-index': missingUniqueIndex,
  'missing-index': missingIndex,
  'missing-constraint': missingConstraint,
  'constraint-renamed': constraintRenamed,
  'missing-sequence': missingSequence,
  'missing-view': missingView,
  'missing-materialized-view': missingMaterializedView,
  'missing-function': missingFunction,
  'missing-trigger': missingTrigger,
  'missing-rule': missingRule,
  'missing-policy': missingPolicy,
  'row-security-disabled': rowSecurityDisabled,
  'missing-publication': missingPublication,
  'missing-grant': missingGrant,
  'grant-added': grantAdded,
  'missing-comment': missingComment,
  'missing-setting': missingSetting,
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
