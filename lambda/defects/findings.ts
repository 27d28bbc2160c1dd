/** What each kind finds in the evidence. Pure. */

import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import type { Mend } from '../audit/mend';
import { key } from '../audit/names';
import { AUDIT_KINDS, type AuditedId } from '.';

export interface AuditFinding extends Omit<Finding, 'mend'> {
  readonly id: AuditedId;
  /** The file that mends it. */
  readonly fix: string | null;
}

export interface Findings {
  /** By grade, then by object; the same finding is said once. */
  readonly findings: readonly AuditFinding[];
  /** What a migration is written from, of those that one can mend. */
  readonly mends: ReadonlyMap<AuditFinding, Mend>;
}

export function findingsOf(evidence: Evidence): Findings {
  const mends = new Map<AuditFinding, Mend>();
  const findings = AUDIT_KINDS.flatMap(({ id, audit: { find } }) => {
    const once = new Map(find(evidence).map((each) => [key(each.object, each.message), each]));
    return [...once.values()].map(({ grade, object, message, evidence: lines, mend }): AuditFinding => {
      const finding = { id: id as AuditedId, grade, object, message, evidence: lines, fix: null };
      if (mend) mends.set(finding, mend);
      return finding;
    });
  }).sort(
    (a, b) => compareTexts(a.grade, b.grade) || compareTexts(a.object, b.object) || compareTexts(a.id, b.id),
  );
  return { findings, mends };
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
