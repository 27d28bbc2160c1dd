/** The subject of a page: errors on one object, with their diagnosis from the catalog. */
import type { Diagnosis, DiagnosisRequest } from '../../contract/diagnosis';
import { findDefectKind, listKindsOfSignature } from '../../defects';
import type { DefectKind } from '../../defects/defect';
import { findSignature } from '../../defects/signatures';
import { ALARM_TEST_TABLE } from '../../defects/signatures/alarm-test';
import type { ErrorGroup } from '../logs/collect';
import { escapeForDisplay } from './escape-text';

export interface DiagnosedError {
  readonly group: ErrorGroup;
  readonly diagnosis: Diagnosis;
}

export function toDiagnosisRequest(group: ErrorGroup): DiagnosisRequest {
  const { signature, database, user, table, column, constraint, message, statement, last, zone } = group;
  const question = { signature, database, user, table, column, constraint, message, statement };
  // A time in an unknown time zone cannot be compared with the catalog's times.
  return zone === null ? { ...question, last } : question;
}

/**
 * Whether the error justifies a page. Errors that are usually harmless are paged only if the diagnosis finds that the
 * schema causes them.
 */
export const needsPage = ({ group, diagnosis }: DiagnosedError): boolean =>
  findSignature(group.signature)?.pagedWhen !== 'diagnosed' ||
  diagnosis.verdict === 'schema' ||
  isAlarmTest(group);

/** Whether `trueup alarm-test` raised the error, recognized by the names it uses. */
export const isAlarmTest = ({ table, constraint, statement }: ErrorGroup): boolean =>
  `${table} ${constraint} ${statement}`.includes(ALARM_TEST_TABLE);

/** Returns the check that the diagnosis names, or else all checks for problems that cause this error. */
export function listPossibleKinds({ group, diagnosis }: DiagnosedError): readonly DefectKind[] {
  const named = diagnosis.kind === null ? null : findDefectKind(diagnosis.kind);
  if (named !== null) return [named];
  const signature = findSignature(group.signature);
  return signature === null ? [] : listKindsOfSignature(signature);
}

export function findTitle({ group, diagnosis }: DiagnosedError): string {
  const kind = diagnosis.kind === null ? null : findDefectKind(diagnosis.kind);
  return kind?.title ?? findSignature(group.signature)?.title ?? group.signature;
}

export const formatSubjectName = ({ group, diagnosis }: DiagnosedError): string =>
  diagnosis.subject === null ? formatLoggedName(group) : escapeForDisplay(diagnosis.subject);

/** Returns the name that the log line itself contains. */
export function formatLoggedName({ table, column, constraint, sqlstate, statement }: ErrorGroup): string {
  const names = [table, column ?? constraint].filter((name) => name != null);
  if (names.length > 0) return escapeForDisplay(names.join('.'));
  return statement === null ? sqlstate : escapeForDisplay(truncateText(statement, 100));
}

export const truncateText = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most / 2)} … ${text.slice(-most / 2)}`;
