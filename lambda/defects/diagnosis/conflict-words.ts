/** Explains each case of ON CONFLICT in words. */
import type { DiagnosisVerdict } from '../../contract/diagnosis';
import { type ConflictCase, describeIndex, type UniqueIndex } from '../conflict';
import type { DefectKind } from '../defect';
import { invalidIndex } from '../kinds/invalid-index';
import { missingConflictPredicate } from '../kinds/missing-conflict-predicate';
import { missingConflictTarget } from '../kinds/missing-conflict-target';
import type { Relation } from '../relations';

export const COMPARED_BY_TEXT_CAVEAT =
  'Predicates are compared by their text; the server compares what they mean.';

export const CASE_MEANINGS: Readonly<
  Record<ConflictCase, { readonly kind: DefectKind; readonly verdict: DiagnosisVerdict }>
> = {
  'no-index': { kind: missingConflictTarget, verdict: 'schema' },
  'other-columns': { kind: missingConflictTarget, verdict: 'schema' },
  'narrower-key': { kind: missingConflictTarget, verdict: 'application' },
  'other-spelling': { kind: missingConflictTarget, verdict: 'application' },
  'other-collation': { kind: missingConflictTarget, verdict: 'application' },
  exclusion: { kind: missingConflictTarget, verdict: 'application' },
  'invalid-index': { kind: invalidIndex, verdict: 'schema' },
  'predicate-missing': { kind: missingConflictPredicate, verdict: 'application' },
  'predicate-differs': { kind: missingConflictPredicate, verdict: 'application' },
  'bind-parameter': { kind: missingConflictPredicate, verdict: 'application' },
  'unseen-values': { kind: missingConflictPredicate, verdict: 'application' },
  'not-reproduced': { kind: missingConflictTarget, verdict: 'not-reproduced' },
};

export const CASE_CAVEATS: Partial<Record<ConflictCase, readonly string[]>> = {
  'predicate-differs': [COMPARED_BY_TEXT_CAVEAT],
  'unseen-values': [
    'Literals in the statement are not shown, so it is not known whether they match the index.',
  ],
  'not-reproduced': [
    'The catalog keeps no timestamps, so it is not known whether the index is newer than the error, or whether a ' +
      'session wrote to another table of this name.',
  ],
};

export const CASE_SENTENCES: Readonly<
  Record<ConflictCase, (clause: string, table: Relation, index: UniqueIndex | null) => readonly string[]>
> = {
  'no-index': (clause, table) => [`${table.sql} has no unique index at all, so ${clause} finds none.`],
  'other-columns': (clause, table) => [
    `${clause} needs a unique index on exactly these columns, and ${table.sql} has none: it has ` +
      `${table.uniqueIndexes.map(describeIndex).join('; ')}.`,
  ],
  'narrower-key': (clause, table, index) => [
    `${clause} needs a unique index on exactly these columns. On ${table.sql}, a subset of these columns is already unique: ` +
      `${describeIndex(index!)}.`,
  ],
  'other-spelling': (clause, table, index) => [
    `${clause} needs a unique index on exactly these columns and expressions. ${table.sql} has one on the same ` +
      `columns in another form: ${describeIndex(index!)}.`,
  ],
  'other-collation': (clause, table, index) => [
    `${clause} names a collation or an operator class that ${index!.name} on ${table.sql} does not have: it is ${describeIndex(index!)}.`,
  ],
  exclusion: (clause, table, index) => [
    `The columns of ${clause} belong to ${index!.name} on ${table.sql}, an exclusion constraint, which ON CONFLICT ` +
      'never infers from columns.',
  ],
  'invalid-index': (clause, _table, index) => [
    `The index that ${clause} needs exists, but ${index!.name} is INVALID: ${
      index!.partitioned
        ? 'it is not on every partition'
        : 'its build failed, was interrupted, or is still running'
    }, and ON CONFLICT does not use it.`,
  ],
  'predicate-missing': (clause, _table, index) => [
    `The unique index ${index!.name} on these columns is partial, WHERE ${index!.predicate}, and ${clause} lacks ` +
      'this predicate.',
  ],
  'predicate-differs': (clause, _table, index) => [
    `The unique index ${index!.name} on these columns is partial, WHERE ${index!.predicate}, which ${clause} does not imply.`,
  ],
  'bind-parameter': (clause, _table, index) => [
    `The unique index ${index!.name} is partial, WHERE ${index!.predicate}, and ${clause} has a parameter in its place.`,
    'That works until the server switches to a generic plan for the prepared statement, at the sixth execution in ' +
      'a session; from then on it fails every time.',
  ],
  'unseen-values': (clause, _table, index) => [
    `${clause} has the form of the unique index ${describeIndex(index!)}.`,
  ],
  'not-reproduced': (clause, table, index) => [`${index!.name} on ${table.sql} matches ${clause} now.`],
};
