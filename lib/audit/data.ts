/** Checks what the catalog does not show: duplicate keys, orphaned rows, names in function bodies. Read-only. */
import type { Difference } from '../../lambda/audit/compare/difference';
import { planContradictionCounts } from '../../lambda/audit/data/contradictions';
import { runCountQueries, type ScanDepth } from '../../lambda/audit/data/count-queries';
import { ORPHANED_ROWS, planDuplicateCounts, planOrphanCounts } from '../../lambda/audit/data/counts';
import { type DataAnswers, NO_ANSWERS } from '../../lambda/audit/evidence';
import { NO_FULL_SCAN_NOT_CHECKED, type NotCheckedItem } from '../../lambda/audit/not-checked';
import type { Sessions } from '../../lambda/audit/short-transactions';
import type { SequenceCheckResult } from '../../lambda/defects/sequence-behind-query';
import { findBrokenReferences } from './broken-references';
import type { Snapshot } from './snapshot';

export async function runDataChecks(
  sessions: Sessions,
  behind: SequenceCheckResult,
  own: Snapshot,
  source: Snapshot | null,
  differences: readonly Difference[],
  depth: ScanDepth,
): Promise<{ answers: DataAnswers; notChecked: readonly NotCheckedItem[] }> {
  const bodies = await findBrokenReferences(sessions[0], own.catalog, source?.catalog ?? null);
  const keys = planDuplicateCounts(source?.catalog ?? null, own.catalog, differences, depth.fullScan);
  const duplicates = await runCountQueries(sessions, 'duplicates', keys.counts, depth);
  const references = planOrphanCounts(source?.catalog ?? null, own.catalog, differences, depth.fullScan);
  const orphans = await runCountQueries(sessions, ORPHANED_ROWS, references.counts, depth);
  const contradictions = await runCountQueries(
    sessions,
    'rows that contradict a constraint',
    planContradictionCounts(own.catalog),
    depth,
  );
  return {
    answers: {
      ...NO_ANSWERS,
      behind: behind.behind,
      bodies: bodies.broken,
      duplicates: duplicates.counts.map(({ about, count }) => ({ ...about, groups: count })),
      orphans: orphans.counts.map(({ about, count }) => ({ ...about, rows: count })),
      contradictions: contradictions.counts.map(({ about, count }) => ({ ...about, rows: count })),
    },
    notChecked: [
      ...behind.notChecked,
      ...bodies.notChecked,
      ...keys.notChecked,
      ...duplicates.notChecked,
      ...references.notChecked,
      ...orphans.notChecked,
      ...contradictions.notChecked,
      ...(depth.fullScan ? [] : [NO_FULL_SCAN_NOT_CHECKED]),
    ],
  };
}
