/** All kinds. */
import type { ComparedId } from '../audit/compare/difference';
import type { DefectKind, LogSignature } from './defect';
import type { Kind } from './kind';
import { brokenFunction } from './kinds/broken-function';
import { collationVersion } from './kinds/collation-version';
import { conflictPredicate } from './kinds/conflict-predicate';
import { deferrableArbiter } from './kinds/deferrable-arbiter';
import { invalidIndex } from './kinds/invalid-index';
import { keyGeneratorsMissing } from './kinds/key-generators-missing';
import { collationLost } from './kinds/lost/collation-lost';
import { columnLost } from './kinds/lost/column-lost';
import { columnType } from './kinds/lost/column-type';
import { commentLost } from './kinds/lost/comment-lost';
import { constraintLost } from './kinds/lost/constraint-lost';
import { defaultLost } from './kinds/lost/default-lost';
import { enumValueLost } from './kinds/lost/enum-value-lost';
import { extensionMissing } from './kinds/lost/extension-missing';
import { extensionSchema } from './kinds/lost/extension-schema';
import { functionLost } from './kinds/lost/function-lost';
import { grantLost } from './kinds/lost/grant-lost';
import { identityLost } from './kinds/lost/identity-lost';
import { indexLost } from './kinds/lost/index-lost';
import { localeChanged } from './kinds/lost/locale-changed';
import { materializedViewLost } from './kinds/lost/materialized-view-lost';
import { notNullLost } from './kinds/lost/not-null-lost';
import { policyLost } from './kinds/lost/policy-lost';
import { primaryKeyLost } from './kinds/lost/primary-key-lost';
import { publicationLost } from './kinds/lost/publication-lost';
import { renamed } from './kinds/lost/renamed';
import { rowSecurityLost } from './kinds/lost/row-security-lost';
import { ruleLost } from './kinds/lost/rule-lost';
import { schemaLost } from './kinds/lost/schema-lost';
import { sequenceLost } from './kinds/lost/sequence-lost';
import { settingLost } from './kinds/lost/setting-lost';
import { tableLost } from './kinds/lost/table-lost';
import { triggerLost } from './kinds/lost/trigger-lost';
import { typeLost } from './kinds/lost/type-lost';
import { uniqueLost } from './kinds/lost/unique-lost';
import { viewLost } from './kinds/lost/view-lost';
import { mismatchedKeyTypes } from './kinds/mismatched-key-types';
import { missingConflictTarget } from './kinds/missing-conflict-target';
import { missingForeignKey } from './kinds/missing-foreign-key';
import { missingIdDefault } from './kinds/missing-id-default';
import { missingUuidFunction } from './kinds/missing-uuid-function';
import { orphanedRows } from './kinds/orphaned-rows';
import { partitionUnique } from './kinds/partition-unique';
import { prematureNotNull } from './kinds/premature-not-null';
import { replicaIdentity } from './kinds/replica-identity';
import { rowSecurityWithoutPolicy } from './kinds/row-security-without-policy';
import { rowsLost } from './kinds/rows-lost';
import { sequenceBehind } from './kinds/sequence-behind';
import { sequenceTooSmall } from './kinds/sequence-too-small';
import { sequenceUnowned } from './kinds/sequence-unowned';
import { statementFails } from './kinds/statement-fails';
import { uniquenessContradicted } from './kinds/uniqueness-contradicted';
import { unvalidatedConstraint } from './kinds/unvalidated-constraint';

/** A kind that lacks a part does not compile: the cases of the tests are a record over these ids as well. */
const BY_ID = {
  'missing-id-default': missingIdDefault,
  'premature-not-null': prematureNotNull,
  'missing-conflict-target': missingConflictTarget,
  'conflict-predicate': conflictPredicate,
  'missing-uuid-function': missingUuidFunction,
  'missing-foreign-key': missingForeignKey,
  'mismatched-key-types': mismatchedKeyTypes,
  'invalid-index': invalidIndex,
  'unvalidated-constraint': unvalidatedConstraint,
  'sequence-behind': sequenceBehind,
} satisfies Readonly<Record<string, DefectKind>>;

export type KindId = keyof typeof BY_ID;

/** Those that raise errors, or that a page can be about with all that is known of it. */
export const KINDS: readonly DefectKind[] = Object.values(BY_ID);

/** Those that an audit alone finds; what a comparison can find has a kind, or it does not compile. */
const AUDITED = {
  'key-generators-missing': keyGeneratorsMissing,
  'sequence-unowned': sequenceUnowned,
  'sequence-too-small': sequenceTooSmall,
  'collation-version': collationVersion,
  'uniqueness-contradicted': uniquenessContradicted,
  'orphaned-rows': orphanedRows,
  'rows-lost': rowsLost,
  'row-security-without-policy': rowSecurityWithoutPolicy,
  'deferrable-arbiter': deferrableArbiter,
  'partition-unique': partitionUnique,
  'replica-identity': replicaIdentity,
  'statement-fails': statementFails,
  'broken-function': brokenFunction,
  'schema-lost': schemaLost,
  'extension-missing': extensionMissing,
  'extension-schema': extensionSchema,
  'type-lost': typeLost,
  'enum-value-lost': enumValueLost,
  'collation-lost': collationLost,
  'locale-changed': localeChanged,
  'table-lost': tableLost,
  'column-lost': columnLost,
  'column-type': columnType,
  'not-null-lost': notNullLost,
  'default-lost': defaultLost,
  'identity-lost': identityLost,
  'primary-key-lost': primaryKeyLost,
  'unique-lost': uniqueLost,
  'index-lost': indexLost,
  'constraint-lost': constraintLost,
  renamed: renamed,
  'sequence-lost': sequenceLost,
  'view-lost': viewLost,
  'materialized-view-lost': materializedViewLost,
  'function-lost': functionLost,
  'trigger-lost': triggerLost,
  'rule-lost': ruleLost,
  'policy-lost': policyLost,
  'row-security-lost': rowSecurityLost,
  'publication-lost': publicationLost,
  'grant-lost': grantLost,
  'comment-lost': commentLost,
  'setting-lost': settingLost,
} satisfies Readonly<Record<Exclude<ComparedId, KindId>, Kind>> & Readonly<Record<string, Kind>>;

export type AuditedId = KindId | keyof typeof AUDITED;

export const AUDIT_KINDS: readonly Kind[] = [...KINDS, ...Object.values(AUDITED)];

export const kindOf = (id: string): DefectKind | null => KINDS.find((kind) => kind.id === id) ?? null;

/** Kinds that raise the same words. */
export const kindsOf = (signature: LogSignature): readonly DefectKind[] =>
  KINDS.filter((kind) => kind.log === signature);
