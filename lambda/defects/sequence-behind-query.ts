/**
 * Finds sequences that are behind their columns, by index lookups in the tables, and lists those that could not be
 * checked.
 */
import type { DataAnswers } from '../audit/evidence';
import { parseNames } from '../audit/names';
import type { NotCheckedItem } from '../audit/not-checked';
import { type Database, SqlError } from '../postgres/database';
import { checkAllSequences } from './sequence-status';

const NOT_CHECKED_SEQUENCE = 'whether a sequence is behind its column';

export interface SequenceCheckResult extends Pick<DataAnswers, 'behind'> {
  readonly notChecked: readonly NotCheckedItem[];
}

const HIDDEN_ROWS_REASON = 'the role has no privilege to read it, or row security hides rows from it';

export async function findBehindSequences(db: Database): Promise<SequenceCheckResult> {
  try {
    const seen = (await checkAllSequences(db)).map(({ table, column, sequence, taken, refused }) => {
      const [of, from] = [parseNames(table), parseNames(sequence)];
      return {
        taken,
        why: refused ?? HIDDEN_ROWS_REASON,
        sequence: { schema: from[0]!, name: from[1]! },
        table: { schema: of[0]!, name: of[1]! },
        column: parseNames(column)[0]!,
      };
    });
    return {
      behind: seen.filter(({ taken }) => taken === true),
      notChecked: seen
        .filter(({ taken }) => taken === null)
        .map(({ table, why }) => ({ what: NOT_CHECKED_SEQUENCE, of: table, why })),
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return {
      behind: [],
      notChecked: [{ what: NOT_CHECKED_SEQUENCE, why: `the server refused (SQLSTATE ${error.sqlstate})` }],
    };
  }
}
