/** All kinds, in the order in which the drift check looks for them: what asks most of the database comes last. */
import type { DefectKind, LogSignature } from './defect';
import { conflictPredicate } from './kinds/conflict-predicate';
import { invalidIndex } from './kinds/invalid-index';
import { mismatchedKeyTypes } from './kinds/mismatched-key-types';
import { missingConflictTarget } from './kinds/missing-conflict-target';
import { missingForeignKey } from './kinds/missing-foreign-key';
import { missingIdDefault } from './kinds/missing-id-default';
import { missingUuidFunction } from './kinds/missing-uuid-function';
import { prematureNotNull } from './kinds/premature-not-null';
import { sequenceBehind } from './kinds/sequence-behind';
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

export const KINDS: readonly DefectKind[] = Object.values(BY_ID);

export const kindOf = (id: string): DefectKind | null => KINDS.find((kind) => kind.id === id) ?? null;

/** Kinds that raise the same words. */
export const kindsOf = (signature: LogSignature): readonly DefectKind[] =>
  KINDS.filter((kind) => kind.log === signature);
