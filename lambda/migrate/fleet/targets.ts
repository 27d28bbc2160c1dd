/** A page of a fleet's targets: the source is asked, read only, and every target is checked before it is handed on. */
import { TrueupError } from '../../contract/errors';
import type { FleetFile, TargetPage, TargetSource, TargetsRequest } from '../../contract/fleet';
import type { EngineContext } from '../../engine/run';
import { withDatabase } from '../../engine/time/session';
import { targetOf } from '../../fleet/targets';
import { SqlError } from '../../postgres/database';
import { safeServerMessage } from '../../postgres/server-words';
import type { Connect } from '../connect';
import { keyOf, pageQuestion } from './source-sql';

/** An answer of Lambda has 6 MB at most, and a target 600 bytes. */
export const MOST_IN_A_PAGE = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;

interface Row {
  readonly key: string;
  readonly times: number;
  readonly other: string | null;
  readonly [column: string]: unknown;
}

/**
 * @param database of the connection, where a source names none
 * @throws {TrueupError} one sentence on the first thing that is wrong
 */
export async function targetPage(
  ctx: Omit<EngineContext, 'connect' | 'manifest'>,
  connect: Connect,
  fleet: FleetFile,
  { source: place, after = null, limit }: TargetsRequest,
): Promise<TargetPage> {
  const source = fleet.sources[place];
  if (source === undefined) throw noSuchSource(place, fleet);
  const database = source.kind === 'databases' ? undefined : source.database;
  const size = Math.max(1, Math.min(limit, MOST_IN_A_PAGE));
  const rows = await withDatabase(
    { ...ctx, connect: () => connect({ readOnly: true, ...(database === undefined ? {} : { database }) }) },
    async (db) => {
      const { sql, params } = pageQuestion(source, after, size);
      try {
        return await db.query<Row>(sql, params, {
          statement_timeout: String(STATEMENT_TIMEOUT_MS),
          transaction_read_only: 'on',
        });
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        throw refusedByServer(error, source);
      }
    },
  );
  if (rows.length === 0 && after === null) throw noTarget(source);
  return {
    targets: rows.map((row) => checked(row, source, fleet)),
    next: rows.length < size ? null : rows.at(-1)!.key,
  };
}

function checked(
  { key, times, other }: Row,
  source: TargetSource,
  bounds: FleetFile,
): TargetPage['targets'][number] {
  if (other !== null)
    throw wrong(
      source,
      `has a column ${JSON.stringify(other)}; the columns of a target are name, database, schema, server and secret`,
    );
  const { server, ...fields } = keyOf(key);
  const read = targetOf(
    { fields },
    source.kind === 'databases' ? { bounds } : { database: source.database, bounds },
  );
  if (typeof read === 'string') throw wrong(source, `gives a target that cannot be: ${read}`);
  if (times > 1) throw wrong(source, `gives target ${JSON.stringify(read.name)} ${times} times`);
  return server === undefined ? read : { ...read, server };
}

/** As the owner knows it; a query's text may be long, and is in the template. */
const wordsOf = (source: TargetSource): string =>
  source.kind === 'query'
    ? `the query for targets in database ${source.database}`
    : source.kind === 'databases'
      ? `the pattern ${source.pattern} of database names`
      : `the pattern ${source.pattern} of schemas in database ${source.database}`;

const wrong = (source: TargetSource, what: string): TrueupError =>
  new TrueupError({
    code: 'target',
    message: `${wordsOf(source)} ${what}`,
    remedy: 'Correct the source of targets, or what it reads, and deploy again.',
  });

const noTarget = (source: TargetSource): TrueupError =>
  wrong(source, source.kind === 'query' ? 'gives no row' : 'matches none');

function refusedByServer(error: SqlError, source: TargetSource): TrueupError {
  const { sqlstate, message } = error;
  const words =
    sqlstate === '57014'
      ? `took longer than ${STATEMENT_TIMEOUT_MS / 1_000} s`
      : sqlstate === '25006'
        ? 'would change the database, and it may only read'
        : `was refused by the server: ${safeServerMessage(sqlstate, message, error)}`;
  const { info } = wrong(source, words);
  return new TrueupError({ ...info, sqlstate }, { cause: error });
}

const noSuchSource = (place: number, { sources }: FleetFile): TrueupError =>
  new TrueupError({
    code: 'manifest',
    message: `there is no source of targets ${place}; this code has ${sources.length}`,
    remedy: 'Deploy again, so that the code and the stack agree.',
  });
