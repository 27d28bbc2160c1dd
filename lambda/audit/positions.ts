/** Where sequences are. A role that may use one, but not read it, sees no value before the first call. */
import type { Database } from '../postgres/database';
import { PINNED_PATH } from '../postgres/pinned';
import { OWN_RELATION, type Reference } from './catalogue/kind';
import { MAY_NOT_READ, type NotSeen, whyRefused } from './not-seen';
import { askEach, type Question, relation } from './short-transactions';

export interface Position extends Reference {
  /** A text: a bigint does not fit into a number of JSON. */
  readonly lastValue: string;
  /** Otherwise `lastValue` is what the next call gives. */
  readonly isCalled: boolean;
}

const SEQUENCES = `SELECT n.nspname AS schema, c.relname AS name, c.oid::text AS oid,
    has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable,
    has_sequence_privilege(c.oid, 'USAGE, SELECT') AS usable
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OWN_RELATION('S')}
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const TIMEOUT_MS = 10_000;

export async function readPositions(
  db: Database,
): Promise<{ readonly positions: readonly Position[]; readonly notSeen: readonly NotSeen[] }> {
  const sequences = await db.query<{
    schema: string;
    name: string;
    oid: string;
    readable: boolean | null;
    usable: boolean | null;
  }>(SEQUENCES, [], { search_path: PINNED_PATH, lock_timeout: '50', statement_timeout: String(TIMEOUT_MS) });
  const questions = sequences
    .filter(({ usable }) => usable)
    .map(
      ({ schema, name, oid, readable }): Question => ({
        of: { schema, name },
        sql: readable
          ? `SELECT last_value::text AS value, is_called AS called FROM ${relation({ schema, name })}`
          : `SELECT pg_sequence_last_value(${oid}::regclass)::text AS value, true AS called`,
      }),
    );
  const { answered, refused } = await askEach<{ value: string | null; called: boolean }>([db], questions, {
    timeoutMs: TIMEOUT_MS,
  });
  const notSeen = (of: Reference, why: string): NotSeen => ({ what: 'position of a sequence', of, why });
  return {
    positions: answered.flatMap(({ of, row: { value, called } }) =>
      value === null ? [] : [{ ...of, lastValue: value, isCalled: called }],
    ),
    notSeen: [
      ...sequences
        .filter(({ usable }) => !usable)
        .map(({ schema, name }) => notSeen({ schema, name }, MAY_NOT_READ)),
      ...answered.filter(({ row }) => row.value === null).map(({ of }) => notSeen(of, MAY_NOT_READ)),
      ...refused.map(({ of, sqlstate }) => notSeen(of, whyRefused(sqlstate, TIMEOUT_MS))),
    ],
  };
}
