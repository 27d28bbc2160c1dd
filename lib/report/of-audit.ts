/** Converts the findings of `audit` to report items. Pure. */
import type { Confidence } from '../../lambda/audit/finding';
import type { AuditFinding } from '../../lambda/defects/findings';
import type { ReportItem } from './item';

/** Confidences A and B fail a pipeline, C warns. */
const LEVEL_BY_CONFIDENCE: Readonly<Record<Confidence, ReportItem['level']>> = {
  A: 'error',
  B: 'error',
  C: 'warning',
  D: 'note',
};

/**
 * Builds the items.
 * @param findings findings in the order of their confidences
 * @param suppressionsFile path of the suppressions file in the repository, because code scanning shows nothing without
 * a file
 */
export const buildAuditItems = (
  findings: readonly AuditFinding[],
  suppressionsFile: string | null,
): readonly ReportItem[] =>
  findings.map(({ id, confidence, object, message, evidence, fix }) => ({
    rule: id,
    level: LEVEL_BY_CONFIDENCE[confidence],
    message: [`${object}: ${message}`, ...evidence.map(toOneLine)].join('\n'),
    remedy: fix === null ? '' : `${fix} repairs it.`,
    file: suppressionsFile,
    line: null,
    column: null,
    object,
  }));

const toOneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
