/** A name for each finding to link to: the same in the next audit, where it is still found. Pure. */
import type { AuditFinding } from '../../../lambda/defects/findings';

const LENGTH = 80;

export function anchors(findings: readonly AuditFinding[]): (finding: AuditFinding) => string {
  const taken = new Map<string, number>();
  const byFinding = new Map(
    findings.map((finding) => {
      const name = `${finding.id}-${finding.object}`
        .toLowerCase()
        .replace(/[^a-z0-9_.]+/g, '-')
        .slice(0, LENGTH);
      const count = (taken.get(name) ?? 0) + 1;
      taken.set(name, count);
      return [finding, count === 1 ? name : `${name}--${count}`] as const;
    }),
  );
  return (finding) => byFinding.get(finding)!;
}
