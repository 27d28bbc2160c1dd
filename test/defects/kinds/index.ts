/** The cases of every kind that an error leads to; the others are found by the drift check, and kinds.test.ts has them. */
import type { KindId } from '../../../lambda/defects';
import type { DefectCase } from './case';
import { invalidIndex } from './invalid-index';
import { mismatchedKeyTypes } from './mismatched-key-types';
import { missingConflictPredicate } from './missing-conflict-predicate';
import { missingConflictTarget } from './missing-conflict-target';
import { missingPrimaryKeyDefault } from './missing-primary-key-default';
import { missingUuidFunction } from './missing-uuid-function';
import { notNullTooEarly } from './not-null-too-early';
import { sequenceBehind } from './sequence-behind';

export const CASES: Readonly<Record<KindId, readonly DefectCase[]>> = {
  'missing-primary-key-default': missingPrimaryKeyDefault,
  'not-null-too-early': notNullTooEarly,
  'missing-conflict-target': missingConflictTarget,
  'missing-conflict-predicate': missingConflictPredicate,
  'sequence-behind': sequenceBehind,
  'missing-uuid-function': missingUuidFunction,
  'missing-foreign-key': [],
  'mismatched-key-types': mismatchedKeyTypes,
  'invalid-index': invalidIndex,
  'unvalidated-constraint': [],
};
