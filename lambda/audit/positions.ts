/**
 * Reads the positions of sequences. For a role with USAGE but not SELECT on a sequence, its value is not visible before
 * the first nextval.
 */
import type { Database } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import { buildIsOwnRelationSql, type Reference } from './catalog/kind';
import { describeRefusal, MAY_NOT_READ_REASON, type NotCheckedItem } from './not-checked';
import { quoteRelation, type RelationQuery, runEachQuery } from './short-transactions';

export interface SequenceValue extends Reference {
  /** Last value as a string, since a JSON number cannot hold every bigint. */
  readonly lastValue: string;
  /** Whether nextval has returned `lastValue`. If false, the next call returns it. */
  readonly isCalled: boolean;
}

const SEQUENCE_VALUES_SQL = `SELECT n.nspname AS schema, c.relname AS name, c.oid::text AS oid,
    has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable,
    has_sequence_privilege(c.oid, 'USAGE, SELECT') AS usable
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${buildIsOwnRelationSql('S')}
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const TIMEOUT_MS = 10_000;

export async function readSequenceValues(
  db: Database,
): Promise<{ readonly positions: readonly SequenceValue[]; readonly notChecked: readonly NotCheckedItem[] }> {
  const sequences = await db.query<{
    schema: string;
    name: string;
    oid: string;
    readable: boolean | null;
    usable: boolean | null;
  }>(SEQUENCE_VALUES_SQL, [], {
    search_path: PINNED_SEARCH_PATH,
    lock_timeout: '50',
    statement_timeout: String(TIMEOUT_MS),
  });
  const questions = sequences
    .filter(({ usable }) => usable)
    .map(
      ({ schema, name, oid, readable }): RelationQuery => ({
        of: { schema, name },
        sql: readable
          ? `SELECT last_value::text AS value, is_called AS called FROM ${quoteRelation({ schema, name })}`
          : `SELECT pg_sequence_last_value(${oid}::regclass)::text AS value, true AS called`,
      }),
    );
  const { answered, refused } = await runEachQuery<{ value: string | null; called: boolean }>(
    [db],
    questions,
    {
      timeoutMs: TIMEOUT_MS,
    },
  );
  const notChecked = (of: Reference, why: string): NotCheckedItem => ({
    what: 'position of a sequence',
    of,
    why,
  });
  return {
    positions: answered.flatMap(({ of, row: { value, called } }) =>
      value === null ? [] : [{ ...of, lastValue: value, isCalled: called }],
    ),
    notChecked: [
      ...sequences
        .filter(({ usable }) => !usable)
        .map(({ schema, name }) => notChecked({ schema, name }, MAY_NOT_READ_REASON)),
      ...answered
        .filter(({ row }) => row.value === null)
        .map(({ of }) => notChecked(of, MAY_NOT_READ_REASON)),
      ...refused.map(({ of, sqlstate, code }) => notChecked(of, describeRefusal(sqlstate, TIMEOUT_MS, code))),
    ],
  };
}
