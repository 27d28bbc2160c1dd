/** What the catalogue does not say: duplicates, orphaned rows, names in bodies. Reads only. */
import type { Difference } from '../../lambda/audit/compare/difference';
import { countEach, type Depth } from '../../lambda/audit/data/ask';
import { contradictionsWanted } from '../../lambda/audit/data/contradictions';
import { duplicatesWanted, orphansWanted } from '../../lambda/audit/data/counts';
import { type DataAnswers, NO_ANSWERS } from '../../lambda/audit/evidence';
import { NOT_DEEP, type NotSeen } from '../../lambda/audit/not-seen';
import type { Sessions } from '../../lambda/audit/short-transactions';
import type { BehindHere } from '../../lambda/defects/behind-here';
import { askBodies } from './bodies';
import type { Snapshot } from './snapshot';

export async function askData(
  sessions: Sessions,
  behind: BehindHere,
  own: Snapshot,
  source: Snapshot | null,
  differences: readonly Difference[],
  depth: Depth,
): Promise<{ answers: DataAnswers; notSeen: readonly NotSeen[] }> {
  const bodies = await askBodies(sessions[0], own.catalogue, source?.catalogue ?? null);
  const keys = duplicatesWanted(source?.catalogue ?? null, own.catalogue, differences, depth.deep);
  const duplicates = await countEach(sessions, 'duplicates', keys.counts, depth);
  const references = orphansWanted(source?.catalogue ?? null, own.catalogue, differences);
  const orphans = await countEach(sessions, 'orphaned rows', references.counts, depth);
  const contradictions = await countEach(
    sessions,
    'rows that contradict a constraint',
    contradictionsWanted(own.catalogue),
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
    notSeen: [
      ...behind.notSeen,
      ...bodies.notSeen,
      ...keys.notSeen,
      ...duplicates.notSeen,
      ...references.notSeen,
      ...orphans.notSeen,
      ...contradictions.notSeen,
      ...(depth.deep ? [] : [NOT_DEEP]),
    ],
  };
}
