/** What `audit` found, as items of a report. Pure. */
import type { Grade } from '../../lambda/audit/finding';
import type { AuditFinding } from '../../lambda/defects/findings';
import type { ReportItem } from './item';

/** A and B fail a pipeline, C warns. */
const LEVELS: Readonly<Record<Grade, ReportItem['level']>> = {
  A: 'error',
  B: 'error',
  C: 'warning',
  D: 'note',
};

/**
 * @param findings in the order of their grades
 * @param acceptFile where each could be accepted, a path in the repository: code scanning shows nothing without a file
 */
export const itemsOfAudit = (
  findings: readonly AuditFinding[],
  acceptFile: string | null,
): readonly ReportItem[] =>
  findings.map(({ id, grade, object, message, evidence, fix }) => ({
    rule: id,
    level: LEVELS[grade],
    message: [`${object}: ${message}`, ...evidence.map(oneLine)].join('\n'),
    remedy: fix === null ? '' : `${fix} repairs it.`,
    file: acceptFile,
    line: null,
    column: null,
    object,
  }));

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
