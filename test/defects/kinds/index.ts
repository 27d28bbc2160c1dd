/** The cases of every kind that an error leads to; the others are found by the drift check, and kinds.test.ts has them. */
import type { KindId } from '../../../lambda/defects';
import type { DefectCase } from './case';
import { conflictPredicate } from './conflict-predicate';
import { invalidIndex } from './invalid-index';
import { mismatchedKeyTypes } from './mismatched-key-types';
import { missingConflictTarget } from './missing-conflict-target';
import { missingIdDefault } from './missing-id-default';
import { missingUuidFunction } from './missing-uuid-function';
import { prematureNotNull } from './premature-not-null';
import { sequenceBehind } from './sequence-behind';

export const CASES: Readonly<Record<KindId, readonly DefectCase[]>> = {
  'missing-id-default': missingIdDefault,
  'premature-not-null': prematureNotNull,
  'missing-conflict-target': missingConflictTarget,
  'conflict-predicate': conflictPredicate,
  'sequence-behind': sequenceBehind,
  'missing-uuid-function': missingUuidFunction,
  'missing-foreign-key': [],
  'mismatched-key-types': mismatchedKeyTypes,
  'invalid-index': invalidIndex,
  'unvalidated-constraint': [],
};
