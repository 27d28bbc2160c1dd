/** Which sequences are behind their columns, asked of the rows by index; and where that could not be asked. */
import type { DataAnswers } from '../audit/evidence';
import { namesIn } from '../audit/names';
import { type NotSeen, whyRefused } from '../audit/not-seen';
import { type Database, SqlError } from '../postgres/database';
import { askSequences, PROBE_TIMEOUT_MS } from './sequences';

const WHAT = 'whether a sequence is behind its column';

export interface BehindHere extends Pick<DataAnswers, 'behind'> {
  readonly notSeen: readonly NotSeen[];
}

const HIDDEN = 'the role may not read it, or row security hides rows from it';

export async function behindHere(db: Database): Promise<BehindHere> {
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
      notSeen: seen
        .filter(({ taken }) => taken === null)
        .map(({ table, why }) => ({ what: WHAT, of: table, why })),
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return {
      behind: [],
      notSeen: [{ what: WHAT, why: `the server refused (SQLSTATE ${error.sqlstate})` }],
    };
  }
}
