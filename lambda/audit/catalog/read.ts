/**
 * Reads the catalog in one short read-only transaction. It holds locks on tables no longer than one call, and it is
 * repeated if the schema changed in the meantime.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../../contract/errors';
import { type Database, type Row, SqlError, type Value } from '../../postgres/database';
import { PINNED_SEARCH_PATH } from '../../postgres/pinned-search-path';
import { type Catalog, OBJECT_KINDS } from '.';
import { FINGERPRINT_SQL } from './fingerprint';
import type { ObjectKind } from './kind';

export interface CatalogSnapshot {
  readonly catalog: Catalog;
  /**
   * The schema changed during every attempt, so some objects may be shown as they were before the change and some
   * after.
   */
  readonly moved: boolean;
}

/** Called before each part is read, to show progress. */
export type PartListener = (part: string) => void;

/**
 * Settings under which the server writes texts in the same way for every role and database. Times are in milliseconds.
 */
const READ_SETTINGS: Readonly<Record<string, string>> = {
  search_path: PINNED_SEARCH_PATH,
  statement_timeout: '60000',
  // A session that waits for a lock while it holds others can make another session the victim of a deadlock.
  lock_timeout: '50',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  lc_monetary: 'C',
  quote_all_identifiers: 'off',
  // JIT compilation would take longer than running the plans.
  jit: 'off',
};

const MIN_MAJOR_VERSION = 13;
const RETRY_PAUSES_MS = [250, 1_000];

/**
 * SQLSTATEs that mean that another session changed the schema: XX000 (cache lookup failed), 42* (an object no longer
 * exists), 55P03 and 40P01 (locks). Functions that write definitions read the current catalog, not the transaction's
 * snapshot.
 */
const CONCURRENT_CHANGE_SQLSTATES = /^(XX000|42P01|42703|42704|42883|3F000|55P03|40P01)$/;

/** An object was changed or dropped before the server could describe it. */
class ConcurrentChangeError extends Error {
  override readonly name = 'ConcurrentChangeError';
}

/**
 * Reads the catalog, in up to three attempts if the schema keeps changing.
 * @throws {TrueupError} `busy` if the last attempt fails as well
 * @throws {SqlError}
 */
export async function readCatalog(
  db: Database,
  partBegins: PartListener = () => {},
): Promise<CatalogSnapshot> {
  for (let attempt = 0; ; attempt++) {
    const last = attempt === RETRY_PAUSES_MS.length;
    try {
      const { catalog, mark } = await tryReadCatalog(db, partBegins);
      const moved = mark !== (await readFingerprint(db));
      if (!moved || last) return { catalog, moved };
    } catch (error) {
      const overtaken =
        error instanceof ConcurrentChangeError ||
        (error instanceof SqlError && CONCURRENT_CHANGE_SQLSTATES.test(error.sqlstate));
      if (!overtaken) throw error;
      if (last) throw makeKeptChangingError(error);
    }
    await sleep(RETRY_PAUSES_MS[attempt]!);
  }
}

const makeKeptChangingError = (error: Error): TrueupError =>
  new TrueupError(
    {
      code: 'busy',
      message:
        error instanceof SqlError && /^(55P03|40P01)$/.test(error.sqlstate)
          ? 'the schema could not be read: another session holds a lock on one of its tables'
          : 'the schema could not be read: it changed each time',
      remedy:
        'Run the command again when no migration is in progress; pg_stat_activity shows the running statements.',
      ...(error instanceof SqlError ? { sqlstate: error.sqlstate } : {}),
    },
    { cause: error },
  );

/** Runs a query and passes each row to `take` as it arrives. */
type QueryRows = (sql: string, params: readonly Value[], take: (row: Row) => void) => Promise<void>;

async function tryReadCatalog(
  db: Database,
  partBegins: PartListener,
): Promise<{ catalog: Catalog; mark: string }> {
  return withReadTransaction(db, async (ask, givingLocksBack) => {
    const { mark, major } = await queryFingerprint(ask);
    const catalog: Partial<Record<keyof Catalog, readonly unknown[]>> = {};
    for (const name of Object.keys(OBJECT_KINDS) as (keyof Catalog)[]) {
      partBegins(name);
      catalog[name] = await readObjectsOfKind(
        OBJECT_KINDS[name] as ObjectKind<object>,
        major,
        ask,
        givingLocksBack,
      );
    }
    return { catalog: catalog as Catalog, mark };
  });
}

/** Without a session, each query is its own transaction. The fingerprint then detects changes in between. */
async function withReadTransaction<T>(
  db: Database,
  work: (ask: QueryRows, givingLocksBack: QueryRows) => Promise<T>,
): Promise<T> {
  if (!db.capabilities.session) {
    const ask: QueryRows = async (sql, params, take) =>
      (await db.query(sql, params, READ_SETTINGS)).forEach(take);
    return work(ask, ask);
  }
  return db.inReadOnlyTransaction(
    (reads) => {
      // Ten thousand tables have about a hundred thousand rows. Held as text all at once, they would take most of the
      // process's memory.
      const ask: QueryRows = async (sql, params, take) =>
        reads.queryEach ? reads.queryEach(sql, params, take) : (await reads.query(sql, params)).forEach(take);
      return work(ask, async (sql, params, take) => {
        await reads.query('SAVEPOINT locks');
        await ask(sql, params, take);
        await reads.query('ROLLBACK TO locks; RELEASE locks');
      });
    },
    { settings: READ_SETTINGS, snapshot: true },
  );
}

async function readObjectsOfKind(
  kind: ObjectKind<object>,
  major: number,
  ask: QueryRows,
  givingLocksBack: QueryRows,
): Promise<readonly object[]> {
  // Both transports return the same JSON for every type.
  const sql = `SELECT row_to_json(o)::text AS o FROM (${kind.sql(major)}) AS o`;
  const objects: object[] = [];
  if (kind.atATime === undefined) {
    await ask(sql, [], (row) => objects.push(parseObject(kind, row)));
    return sortObjects(objects, kind);
  }
  for (let after = '0'; ; ) {
    const before = objects.length;
    await givingLocksBack(sql, [after, kind.atATime], (row) => {
      const { oid, ...object } = parseObject(kind, row) as { oid: string };
      after = oid;
      objects.push(object);
    });
    if (objects.length - before < kind.atATime) return sortObjects(objects, kind);
  }
}

/**
 * Turns a row into an object.
 * @throws {ConcurrentChangeError} if a field that is always set is NULL
 */
function parseObject({ always = [] }: ObjectKind<object>, row: Row): object {
  const fields = JSON.parse(row.o as string) as Record<string, unknown>;
  if ((always as readonly string[]).some((name) => fields[name] === null)) throw new ConcurrentChangeError();
  const object: Record<string, unknown> = {};
  for (const name in fields) if (isMeaningful(fields[name])) object[name] = fields[name];
  return object;
}

const isMeaningful = (value: unknown): boolean =>
  value !== null && value !== false && !(Array.isArray(value) && value.length === 0);

/** Sorts by UTF-16 code units, so that the order does not depend on the machine's locale. Stable. */
function sortObjects(
  objects: object[],
  { namedBy, inOrderOf = namedBy }: ObjectKind<object>,
): readonly object[] {
  const fields = inOrderOf as readonly string[];
  const text = (object: object, field: string): string =>
    (object as Record<string, string | undefined>)[field] ?? '';
  return objects.sort((a, b) => {
    for (const field of fields) {
      const [left, right] = [text(a, field), text(b, field)];
      if (left !== right) return left < right ? -1 : 1;
    }
    return 0;
  });
}

/**
 * Reads the fingerprint and the major version.
 * @throws {TrueupError} if the server is older than PostgreSQL 13
 */
async function queryFingerprint(ask: QueryRows): Promise<{ mark: string; major: number }> {
  let row: Row | undefined;
  await ask(FINGERPRINT_SQL, [], (only) => {
    row = only;
  });
  const major = Math.floor(Number(row!.version) / 10_000);
  if (major < MIN_MAJOR_VERSION)
    throw new TrueupError({
      code: 'unsupported',
      message: `the server is PostgreSQL ${major}; Trueup reads the schemas of ${MIN_MAJOR_VERSION} and later`,
      remedy: `Restore its schema (pg_dump --schema-only) on a server of ${MIN_MAJOR_VERSION} or later, and run the command on that server.`,
    });
  return { mark: row!.mark as string, major };
}

const readFingerprint = async (db: Database): Promise<string> =>
  (await withReadTransaction(db, queryFingerprint)).mark;
