/**
 * Returns a page of a fleet's tenants. The source is queried read-only, and every tenant is validated before it is
 * returned.
 */
import { TrueupError } from '../../contract/errors';
import type { FleetFile, TenantListRequest, TenantPage, TenantSource } from '../../contract/fleet';
import type { EngineContext } from '../../engine/run';
import { withDatabase } from '../../engine/time/session';
import { parseTenant } from '../../fleet/tenant-list';
import { SqlError } from '../../postgres/database';
import { safeServerMessage } from '../../postgres/server-words';
import { LOCK_NOT_AVAILABLE, readTrusted, UntrustedCode } from '../../postgres/untrusted-code';
import type { Connect } from '../connect';
import { buildPageQuery, parseKey } from './source-sql';

/** Maximum number of tenants per page. A response of Lambda is limited to 6 MB, and a tenant takes up to 600 bytes. */
const MAX_PAGE_SIZE = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
const LOCK_WAIT_MS = 5_000;

const UNTRUSTED_REMEDY =
  'Query a table or view that runs no code of other roles, or give the named object to a trusted role (ALTER … OWNER TO), and deploy again.';

interface SourceRow {
  readonly key: string;
  readonly times: number;
  readonly other: string | null;
  readonly [column: string]: unknown;
}

/**
 * Reads one page from a source.
 * @throws {TrueupError} describing the first problem in one sentence
 */
export async function readTenantPage(
  ctx: Omit<EngineContext, 'connect' | 'manifest'>,
  connect: Connect,
  fleet: FleetFile,
  { source: place, after = null, limit }: TenantListRequest,
): Promise<TenantPage> {
  const source = fleet.sources[place];
  if (source === undefined) throw makeNoSuchSourceError(place, fleet);
  const database = source.kind === 'databases' ? undefined : source.database;
  const size = Math.max(1, Math.min(limit, MAX_PAGE_SIZE));
  const rows = await withDatabase(
    { ...ctx, connect: () => connect({ readOnly: true, ...(database === undefined ? {} : { database }) }) },
    async (db) => {
      const { sql, params } = buildPageQuery(source, after, size);
      const settings = { statement_timeout: String(STATEMENT_TIMEOUT_MS), lock_timeout: '500' };
      try {
        // A view or function behind a configured query may belong to a role that this login does not trust.
        if (source.kind === 'query')
          return await readTrusted(db, { sql, hold: sql, settings, waitMs: LOCK_WAIT_MS }, (reads) =>
            reads.query<SourceRow>(sql, params),
          );
        return await db.query<SourceRow>(sql, params, settings);
      } catch (error) {
        if (error instanceof UntrustedCode)
          throw makeSourceError(
            source,
            `may run untrusted code with the privileges of this login (${error.code})`,
            UNTRUSTED_REMEDY,
          );
        if (!(error instanceof SqlError)) throw error;
        throw makeServerRefusedError(error, source);
      }
    },
  );
  if (rows.length === 0 && after === null && source.allowEmpty !== true) throw makeNoTenantError(source);
  return {
    tenants: rows.map((row) => parseSourceRow(row, source, fleet)),
    next: rows.length < size ? null : rows.at(-1)!.key,
  };
}

function parseSourceRow(
  { key, times, other }: SourceRow,
  source: TenantSource,
  bounds: FleetFile,
): TenantPage['tenants'][number] {
  if (other !== null)
    throw makeSourceError(
      source,
      `has a column ${JSON.stringify(other)}; the columns of a tenant are name, database, schema, server and secret`,
    );
  const { server, ...fields } = parseKey(key);
  const read = parseTenant(
    { fields },
    source.kind === 'databases' ? { bounds } : { database: source.database, bounds },
  );
  if (typeof read === 'string') throw makeSourceError(source, `returned an invalid tenant: ${read}`);
  if (times > 1) throw makeSourceError(source, `returned tenant ${JSON.stringify(read.name)} ${times} times`);
  return server === undefined ? read : { ...read, server };
}

/** Describes a source in the owner's terms. A query is not quoted: it may be long, and the template has it. */
const describeSource = (source: TenantSource): string =>
  source.kind === 'query'
    ? `the query for tenants in database ${source.database}`
    : source.kind === 'databases'
      ? `the pattern ${source.pattern} of database names`
      : `the pattern ${source.pattern} of schemas in database ${source.database}`;

const makeSourceError = (
  source: TenantSource,
  what: string,
  remedy = 'Correct the source of tenants, or what it reads, and deploy again.',
): TrueupError =>
  new TrueupError({
    code: 'target',
    message: `${describeSource(source)} ${what}`,
    remedy,
  });

const makeNoTenantError = (source: TenantSource): TrueupError =>
  makeSourceError(
    source,
    source.kind === 'query' ? 'returned no row' : 'matches none',
    'Correct the source of tenants, or what it reads; or, if there may be no tenants, set its `allowEmpty: true`. Then deploy again.',
  );

function makeServerRefusedError(error: SqlError, source: TenantSource): TrueupError {
  const { sqlstate, message } = error;
  const words =
    sqlstate === '57014'
      ? `took longer than ${STATEMENT_TIMEOUT_MS / 1_000} s`
      : sqlstate === LOCK_NOT_AVAILABLE
        ? 'reads a relation on which another session holds a lock'
        : sqlstate === '25006'
          ? 'would change the database, but may only read'
          : `was refused by the server: ${safeServerMessage(sqlstate, message, error)}`;
  const { info } = makeSourceError(source, words);
  return new TrueupError({ ...info, sqlstate }, { cause: error });
}

const makeNoSuchSourceError = (place: number, { sources }: FleetFile): TrueupError =>
  new TrueupError({
    code: 'manifest',
    message: `there is no source of tenants with index ${place}; this code has ${sources.length}`,
    remedy: 'Deploy again, so that the code and the stack agree.',
  });
