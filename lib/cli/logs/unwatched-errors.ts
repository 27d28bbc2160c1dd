/**
 * Counts errors of a log that no alarm watches and that a wrong schema sometimes causes, by SQLSTATE, or by the message
 * if the log has no SQLSTATE. Nothing else of a line is kept.
 */

interface UnwatchedError {
  readonly sqlstate: string;
  readonly meaning: string;
  /** Matches the beginning of the message, or a part of it. */
  readonly words: RegExp;
}

/** Messages of PostgreSQL 13 to 18. The first match counts, so the message about a domain comes before similar ones. */
const UNWATCHED_ERRORS: readonly UnwatchedError[] = [
  { sqlstate: '42703', meaning: 'a column that does not exist', words: /^column .+ does not exist/s },
  {
    sqlstate: '42P01',
    meaning: 'a table, view or sequence that does not exist',
    words: /^relation ".+" does not exist|^missing FROM-clause entry/s,
  },
  {
    sqlstate: '42883',
    meaning: 'a function or operator that does not exist for these types',
    words:
      /^operator (?:does not exist|is not unique)|^(?:function|procedure|aggregate) .+ (?:does not exist|is not unique)/s,
  },
  {
    sqlstate: '42704',
    meaning: 'a type or other object that does not exist',
    words: /^(?:type|role|collation|constraint) ".+" .*does not exist/s,
  },
  {
    sqlstate: '3F000',
    meaning: 'a schema that does not exist',
    words: /^schema ".+" does not exist|^no schema has been selected/s,
  },
  {
    sqlstate: '42804',
    meaning: 'a value whose type differs from that of its column',
    words: /is of type .+ but expression is of type|^foreign key constraint .+ cannot be implemented/s,
  },
  {
    sqlstate: '42501',
    meaning: 'a privilege that the role does not have, or row security',
    words: /^permission denied|^must be owner|violates row-level security policy/,
  },
  {
    sqlstate: '428C9',
    meaning: 'a value for a generated or identity column',
    words: /^cannot insert a non-DEFAULT value into|^column ".+" can only be updated to DEFAULT/s,
  },
  {
    sqlstate: '23502',
    meaning: 'NULL in a column or domain that forbids it',
    words: /^domain .+ does not allow null values|^null value in column|contains null values$/s,
  },
  {
    sqlstate: '23514',
    meaning: 'a row that fits no partition or violates a CHECK',
    words: /^no partition of relation|violates check constraint|violates partition constraint/,
  },
  {
    sqlstate: '23503',
    meaning: 'a reference to a row that does not exist',
    words: /violates foreign key constraint/,
  },
  {
    sqlstate: '42P10',
    meaning: 'an ON CONFLICT without a matching unique index',
    words: /^there is no unique or exclusion constraint matching/,
  },
  { sqlstate: '42601', meaning: 'a syntax error', words: /^syntax error/ },
  {
    sqlstate: '22P02',
    meaning: 'a value that is not valid for its type',
    words: /^invalid input (?:syntax|value)/,
  },
];

const BY_SQLSTATE = new Map(UNWATCHED_ERRORS.map((each) => [each.sqlstate, each]));

export interface UnwatchedCount {
  /** SQLSTATE of the error; `null` counts all other errors whose SQLSTATE the log does not give. */
  readonly sqlstate: string | null;
  readonly meaning: string | null;
  readonly count: number;
}

export class UnwatchedErrors {
  private readonly counts = new Map<string | null, number>();

  add(sqlstate: string | null, text: string): void {
    const known = sqlstate ?? UNWATCHED_ERRORS.find(({ words }) => words.test(text))?.sqlstate ?? null;
    this.counts.set(known, (this.counts.get(known) ?? 0) + 1);
  }

  /** Returns the counts, the most frequent first. */
  result(): readonly UnwatchedCount[] {
    return [...this.counts]
      .map(([sqlstate, count]) => ({
        sqlstate,
        meaning: (sqlstate === null ? undefined : BY_SQLSTATE.get(sqlstate)?.meaning) ?? null,
        count,
      }))
      .sort((a, b) => b.count - a.count || String(a.sqlstate).localeCompare(String(b.sqlstate)));
  }
}
