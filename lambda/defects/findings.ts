/** Runs all checks on the evidence. Pure. */

import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { joinKey } from '../audit/names';
import type { RepairInput } from '../audit/repair-input';
import { AUDIT_KINDS, type AuditFindingId } from '.';

export interface AuditFinding extends Omit<Finding, 'repair'> {
  readonly id: AuditFindingId;
  /** Name of the migration file that repairs the finding. */
  readonly fix: string | null;
}

export interface AuditFindings {
  /** Findings by confidence, then by object, without duplicates. */
  readonly findings: readonly AuditFinding[];
  /** The data from which the repairing migrations are written, for findings that have one. */
  readonly repairs: ReadonlyMap<AuditFinding, RepairInput>;
}

export function collectFindings(evidence: Evidence): AuditFindings {
  const repairs = new Map<AuditFinding, RepairInput>();
  const findings = AUDIT_KINDS.flatMap(({ id, audit: { find } }) => {
    const once = new Map(find(evidence).map((each) => [joinKey(each.object, each.message), each]));
    return [...once.values()].map(
      ({ confidence, object, message, evidence: lines, repair }): AuditFinding => {
        const finding = { id: id as AuditFindingId, confidence, object, message, evidence: lines, fix: null };
        if (repair) repairs.set(finding, repair);
        return finding;
      },
    );
  }).sort(
    (a, b) =>
      compareTexts(a.confidence, b.confidence) ||
      compareTexts(a.object, b.object) ||
      compareTexts(a.id, b.id),
  );
  return { findings, repairs };
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
