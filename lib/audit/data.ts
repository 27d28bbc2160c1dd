/** What the catalogue does not say: sequences behind their columns, duplicates, orphaned rows, names in bodies. Reads only. */
import type { Difference } from '../../lambda/audit/compare/difference';
import { countEach } from '../../lambda/audit/data/ask';
import { duplicatesWanted, orphansWanted } from '../../lambda/audit/data/counts';
import { type DataAnswers, NO_ANSWERS } from '../../lambda/audit/evidence';
import { namesIn } from '../../lambda/audit/names';
import { type NotSeen, whyRefused } from '../../lambda/audit/not-seen';
import { askSequences, PROBE_TIMEOUT_MS } from '../../lambda/defects/sequences';
import { type Database, SqlError } from '../../lambda/postgres/database';
import { askBodies } from './bodies';
import type { Snapshot } from './snapshot';

export async function askData(
  db: Database,
  own: Snapshot,
  source: Snapshot | null,
  differences: readonly Difference[],
  deep: boolean,
): Promise<{ answers: DataAnswers; notSeen: readonly NotSeen[] }> {
  const behind = await behindOf(db);
  const bodies = await askBodies(db, own.catalogue, source?.catalogue ?? null);
  const keys = duplicatesWanted(source?.catalogue ?? null, own.catalogue, differences, deep);
  const duplicates = await countEach(db, 'duplicates', keys.counts, { deep });
  const references = orphansWanted(source?.catalogue ?? null, own.catalogue, differences);
  const orphans = await countEach(db, 'orphaned rows', references.counts, { deep });
  return {
    answers: {
      ...NO_ANSWERS,
      behind: behind.behind,
      bodies: bodies.broken,
      duplicates: duplicates.counts.map(({ about, count }) => ({ ...about, groups: count })),
      orphans: orphans.counts.map(({ about, count }) => ({ ...about, rows: count })),
    },
    notSeen: [
      ...behind.notSeen,
      ...bodies.notSeen,
      ...keys.notSeen,
      ...duplicates.notSeen,
      ...references.notSeen,
      ...orphans.notSeen,
      ...(deep
        ? []
        : [
            { what: 'duplicates under unique indexes that are there', why: 'only --deep reads whole tables' },
          ]),
    ],
  };
}

const HIDDEN = 'the role may not read it, or row security hides rows from it';

async function behindOf(
  db: Database,
): Promise<Pick<DataAnswers, 'behind'> & { notSeen: readonly NotSeen[] }> {
  const what = 'whether a sequence is behind its column';
  try {
    const seen = (await askSequences(db)).map(({ table, column, sequence, taken, refused }) => {
      const [of, from] = [namesIn(table), namesIn(sequence)];
      return {
        taken,
        why: refused === undefined ? HIDDEN : whyRefused(refused, PROBE_TIMEOUT_MS),
        sequence: { schema: from[0]!, name: from[1]! },
        table: { schema: of[0]!, name: of[1]! },
        column: namesIn(column)[0]!,
      };
    });
    return {
      behind: seen.filter(({ taken }) => taken === true),
      notSeen: seen.filter(({ taken }) => taken === null).map(({ table, why }) => ({ what, of: table, why })),
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { behind: [], notSeen: [{ what, why: `the server refused (SQLSTATE ${error.sqlstate})` }] };
  }
}
