/**
 * Judges Trueup's own queries on the application's tables. Planning such a query may run code that belongs to the
 * tables: views, policies, expressions of indexes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CODE_NOW, READS_WAIT, wouldWait } from '../sql/changing-code';
import {
  buildRootsSql,
  buildUntrustedCastsSql,
  buildUntrustedOperatorsSql,
  buildUntrustedSql,
  FIRST_OID,
  QUOTED_NAMES_SQL,
  UNTRUSTED_ROLES_SQL,
} from '../sql/trust';
import { type Database, type Queryable, type Row, SqlError } from './database';
import { PINNED_SEARCH_PATH } from './pinned-search-path';

const SETTINGS = { search_path: PINNED_SEARCH_PATH, lock_timeout: '50', statement_timeout: '60000' };

/**
 * Returns null for `grounds` if no untrusted role owns anything and there is no foreign table. The state is read first,
 * so that a change during the judgment is detected.
 */
const READ_TRUST_CONTEXT_SQL = `SELECT s.state, CASE WHEN strangers <> '{}' OR EXISTS (SELECT FROM pg_class WHERE relkind = 'f') THEN
    jsonb_build_object('strangers', strangers::text, 'odd', ${QUOTED_NAMES_SQL}::text,
      'operators', ${buildUntrustedOperatorsSql('strangers')}::text, 'casts', ${buildUntrustedCastsSql('strangers')}::text)::text END AS grounds
  FROM (SELECT ${CODE_NOW}, ${UNTRUSTED_ROLES_SQL} OFFSET 0) AS s (state, strangers)`;

const CONTEXT_PARAMETERS = {
  strangers: '$2::oid[]',
  odd: '$3::oid[]',
  operators: '$4::oid[]',
  casts: '$5::oid[]',
};
const SEARCH_PATH_PARAMETER = '$6::text[]';

const SELECT_ROOTS_SQL = `SELECT array_to_json(ARRAY(${buildRootsSql('asked.text', CONTEXT_PARAMETERS, SEARCH_PATH_PARAMETER)}))::text AS roots
  FROM unnest($1::text[]) WITH ORDINALITY AS asked (text, n) ORDER BY n`;
const SELECT_UNTRUSTED_SQL = buildUntrustedSql('$1::text[]', CONTEXT_PARAMETERS, SEARCH_PATH_PARAMETER);

/** Maximum number of queries per call. */
const BATCH_SIZE = 200;

/** The search path of Trueup's own queries, in which every name is schema-qualified. */
const OWN_SEARCH_PATH = ['pg_catalog'];

/** The untrusted code of each query, and the state of the database's code that was judged. */
export interface Judgment {
  /** For each query, the untrusted code that it may run, as `role: object`; null if all of its code is trusted. */
  readonly codes: readonly (string | null)[];
  readonly state: string;
}

/** @throws {SqlError} */
export async function findUntrusted(db: Database, queries: readonly string[]): Promise<Judgment> {
  return judgeEach((sql, params) => db.query(sql, params, SETTINGS), queries, OWN_SEARCH_PATH);
}

type Ask = <R extends Row>(sql: string, params?: Parameters<Queryable['query']>[1]) => Promise<readonly R[]>;

async function judgeEach(ask: Ask, queries: readonly string[], path: readonly string[]): Promise<Judgment> {
  if (queries.length === 0) return { codes: [], state: '' };
  const [found] = await ask<{ state: string; grounds: string | null }>(READ_TRUST_CONTEXT_SQL);
  const { state, grounds } = found!;
  if (!grounds) return { codes: queries.map(() => null), state };
  const { strangers, odd, operators, casts } = JSON.parse(grounds) as Record<string, string>;
  const given = [strangers!, odd!, operators!, casts!, path];
  const known = new Map<string, string | null>();
  const codes: (string | null)[] = [];
  for (let from = 0; from < queries.length; from += BATCH_SIZE) {
    const texts = queries.slice(from, from + BATCH_SIZE);
    const rows = await ask<{ roots: string }>(SELECT_ROOTS_SQL, [texts, ...given]);
    const roots = rows.map((row) => JSON.parse(row.roots) as string[]);
    const open = [...new Set(roots.flat())].filter((root) => !known.has(root));
    for (const root of open) known.set(root, null);
    if (open.length > 0) {
      const judged = await ask<{ root: string; role: string | null; object: string }>(SELECT_UNTRUSTED_SQL, [
        open,
        ...given,
      ]);
      for (const { root, role, object } of judged)
        known.set(root, role === null ? object : `${role}: ${object}`);
    }
    codes.push(...roots.map((each) => each.map((root) => known.get(root) ?? null).find(Boolean) ?? null));
  }
  return { codes, state };
}

/** Thrown instead of running a query that may call untrusted code. */
export class UntrustedCode extends Error {
  override readonly name = 'UntrustedCode';
  /** @param code `role: object` */
  constructor(readonly code: string) {
    super(`it may call untrusted code: ${code}`);
  }
}

const STANDING = `WITH RECURSIVE part (oid) AS (
    SELECT l.relation FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= ${FIRST_OID}
    UNION SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
  SELECT ${CODE_NOW} AS state, ${wouldWait('ARRAY(SELECT oid FROM part)', READS_WAIT)} AS waits`;

/** Saves the search path, which is restored before the query runs, so that names in the query keep their meaning. */
const READ_PATH = `SELECT pg_catalog.current_setting('search_path') AS path,
  pg_catalog.array_to_json(pg_catalog.current_schemas(true))::pg_catalog.text AS schemas,
  pg_catalog.set_config('search_path', '${PINNED_SEARCH_PATH}', true) AS done`;

const MAX_ATTEMPTS = 4;
export const LOCK_NOT_AVAILABLE = '55P03';
const PAUSE_MS = 250;

export interface TrustedQuery {
  readonly sql: string;
  /** A query on the same relations that calls no function. It takes the locks before the judgment. */
  readonly hold: string;
  readonly settings: Readonly<Record<string, string>>;
  /** The state that {@link findUntrusted} returned with this query's judgment. @default - the query was not judged yet */
  readonly judged?: string;
  /** For how many milliseconds to try again while another session holds a lock. @default 0 */
  readonly waitMs?: number;
}

/** Runs a query as {@link readTrusted} does. */
export const queryTrusted = <R extends Row>(db: Database, query: TrustedQuery): Promise<readonly R[]> =>
  readTrusted(db, query, (reads) => reads.query<R>(query.sql));

/**
 * Reads in one read-only transaction: takes the locks, judges the query's code unless the judgment is still
 * valid, and then reads. Otherwise another session could hold a lock, wait until this session waits for it,
 * and add code between the judgment and the query.
 * @param read sends the query, or parts of its result
 * @throws {UntrustedCode}
 * @throws {SqlError} 55P03 also if the query would wait for a lock after the judgment
 */
export async function readTrusted<T>(
  db: Database,
  query: TrustedQuery,
  read: (reads: Queryable) => Promise<T>,
): Promise<T> {
  const until = Date.now() + (query.waitMs ?? 0);
  for (;;) {
    try {
      return await readTrustedOnce(db, query, read);
    } catch (error) {
      const isLock = error instanceof SqlError && error.sqlstate === LOCK_NOT_AVAILABLE;
      if (!isLock || Date.now() + PAUSE_MS > until) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

const readTrustedOnce = <T>(
  db: Database,
  { sql, hold, settings, judged }: TrustedQuery,
  read: (reads: Queryable) => Promise<T>,
): Promise<T> =>
  db.inReadOnlyTransaction(
    async (reads) => {
      // In the session's own path, so that its names mean what they mean in the query. PREPARE plans and runs nothing.
      await reads.query(`PREPARE trueup_held AS ${hold}`);
      await reads.query('DEALLOCATE trueup_held');
      const [found] = await reads.query<{ path: string; schemas: string }>(READ_PATH);
      let good = judged;
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const [standing] = await reads.query<{ state: string; waits: boolean }>(STANDING);
        if (standing!.waits) break;
        if (standing!.state === good) {
          await reads.query("SELECT pg_catalog.set_config('search_path', $1, true)", [found!.path]);
          return read(reads);
        }
        const { codes, state } = await judgeEach(
          (text, params) => reads.query(text, params),
          [sql],
          [...OWN_SEARCH_PATH, ...(JSON.parse(found!.schemas) as string[])],
        );
        if (codes[0] != null) throw new UntrustedCode(codes[0]);
        good = state;
      }
      throw new SqlError('another session holds a lock on it', LOCK_NOT_AVAILABLE);
    },
    { settings },
  );
