/** What a page is about: errors on one object, and what the catalogue says of them. */
import type { Diagnosis, DiagnosisQuestion } from '../../contract/diagnosis';
import { kindOf, kindsOf } from '../../defects';
import type { DefectKind } from '../../defects/defect';
import { signatureOf } from '../../defects/signatures';
import { ALARM_TEST_TABLE } from '../../defects/signatures/alarm-test';
import type { ErrorGroup } from '../logs/collect';
import { harmless } from './harmless';

export interface DiagnosedError {
  readonly group: ErrorGroup;
  readonly diagnosis: Diagnosis;
}

export function questionOf(group: ErrorGroup): DiagnosisQuestion {
  const { signature, database, user, table, column, constraint, message, statement, last, zone } = group;
  const question = { signature, database, user, table, column, constraint, message, statement };
  // A clock of an unknown zone says nothing of what came after it.
  return zone === null ? { ...question, last } : question;
}

/**
 * Whether somebody is to be woken. Words that are everyday wake nobody until the catalogue has named the defect behind
 * them.
 */
export const isPaged = ({ group, diagnosis }: DiagnosedError): boolean =>
  signatureOf(group.signature)?.pagedWhen !== 'diagnosed' || diagnosis.verdict === 'schema' || isTest(group);

/** Named by what `trueup alarm-test` raises. */
export const isTest = ({ table, constraint, statement }: ErrorGroup): boolean =>
  `${table} ${constraint} ${statement}`.includes(ALARM_TEST_TABLE);

/** The kind that the diagnosis named; else all that raise these words. */
export function kindsFor({ group, diagnosis }: DiagnosedError): readonly DefectKind[] {
  const named = diagnosis.kind === null ? null : kindOf(diagnosis.kind);
  if (named !== null) return [named];
  const signature = signatureOf(group.signature);
  return signature === null ? [] : kindsOf(signature);
}

export function titleOf({ group, diagnosis }: DiagnosedError): string {
  const kind = diagnosis.kind === null ? null : kindOf(diagnosis.kind);
  return kind?.title ?? signatureOf(group.signature)?.title ?? group.signature;
}

export const subjectNameOf = ({ group, diagnosis }: DiagnosedError): string =>
  diagnosis.subject === null ? nameIn(group) : harmless(diagnosis.subject);

/** What the log alone names. */
export function nameIn({ table, column, constraint, sqlstate, statement }: ErrorGroup): string {
  const names = [table, column ?? constraint].filter((name) => name != null);
  if (names.length > 0) return harmless(names.join('.'));
  return statement === null ? sqlstate : harmless(shortened(statement, 100));
}

export const shortened = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most / 2)} … ${text.slice(-most / 2)}`;
