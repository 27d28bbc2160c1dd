/** Assigns each finding an anchor to link to. The anchor stays the same in later audits that find it again. Pure. */
import type { AuditFinding } from '../../../lambda/defects/findings';

const MAX_ANCHOR_LENGTH = 80;

export function createAnchors(findings: readonly AuditFinding[]): (finding: AuditFinding) => string {
  const taken = new Map<string, number>();
  const byFinding = new Map(
    findings.map((finding) => {
      const name = `${finding.id}-${finding.object}`
        .toLowerCase()
        .replace(/[^a-z0-9_.]+/g, '-')
        .slice(0, MAX_ANCHOR_LENGTH);
      const count = (taken.get(name) ?? 0) + 1;
      taken.set(name, count);
      return [finding, count === 1 ? name : `${name}--${count}`] as const;
    }),
  );
  return (finding) => byFinding.get(finding)!;
}
