/** What each kind finds in the evidence. Pure. */
import type { Evidence } from '../../lambda/audit/evidence';
import { type Finding, GRADES } from '../../lambda/audit/finding';
import { key } from '../../lambda/audit/names';
import { AUDIT_KINDS, type AuditedId } from '../../lambda/defects';

export interface AuditFinding extends Finding {
  readonly id: AuditedId;
  /** The file that repairs it. */
  readonly fix: string | null;
}

/** By grade, then by object; the same finding is said once. */
export function findingsOf(evidence: Evidence): readonly AuditFinding[] {
  const all = AUDIT_KINDS.flatMap(({ id, audit: { find } }) =>
    find(evidence).map(
      ({ grade, object, message, evidence: lines }): AuditFinding => ({
        id: id as AuditedId,
        grade,
        object,
        message,
        evidence: lines,
        fix: null,
      }),
    ),
  );
  const once = new Map(all.map((each) => [key(each.id, each.object, each.message), each]));
  return [...once.values()].sort(
    (a, b) =>
      GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade) ||
      compareTexts(a.object, b.object) ||
      compareTexts(a.id, b.id),
  );
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
