/** All kinds, in the order in which the documentation lists them. */
import { conflictPredicate } from './conflict-predicate';
import type { DefectKind, LogSignature } from './defect';
import { invalidIndex } from './invalid-index';
import { mismatchedKeyTypes } from './mismatched-key-types';
import { missingConflictTarget } from './missing-conflict-target';
import { missingForeignKey } from './missing-foreign-key';
import { missingIdDefault } from './missing-id-default';
import { missingUuidFunction } from './missing-uuid-function';
import { prematureNotNull } from './premature-not-null';
import { unvalidatedConstraint } from './unvalidated-constraint';

export const KINDS: readonly DefectKind[] = [
  missingIdDefault,
  prematureNotNull,
  missingConflictTarget,
  conflictPredicate,
  missingUuidFunction,
  missingForeignKey,
  mismatchedKeyTypes,
  invalidIndex,
  unvalidatedConstraint,
];

export const kindOf = (id: string): DefectKind | null => KINDS.find((kind) => kind.id === id) ?? null;

/** Kinds that raise the same words. */
export const kindsOf = (signature: LogSignature): readonly DefectKind[] =>
  KINDS.filter((kind) => kind.log === signature);
