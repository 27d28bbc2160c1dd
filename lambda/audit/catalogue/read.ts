/**
 * Reads the catalogue in one short transaction that writes nothing, locks no table for longer than a call, and is
 * repeated when the schema changed meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../../contract/errors';
import { type Database, type Row, SqlError, type Value } from '../../postgres/database';
import { setLocal } from '../../postgres/pg-message';
import { PINNED_PATH } from '../../postgres/pinned';
import { type Catalogue, KINDS } from '.';
import type { Kind } from './kind';
import { FINGERPRINT } from './moved';

export interface ReadCatalogue {
  readonly catalogue: Catalogue;
  /** The schema changed each time it was read: objects may be shown as they were before or after. */
  readonly moved: boolean;
}

/** Called before a part is read, for people who wait. */
export type PartBegins = (part: string) => void;

/** Whatever the server writes as text is written the same way for everybody. Times in milliseconds. */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: PINNED_PATH,
  statement_timeout: '60000',
  // Who waits while holding locks may get somebody else killed as a deadlock's victim.
  lock_timeout: '50',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  lc_monetary: 'C',
  quote_all_identifiers: 'off',
  // Compiling plans would take longer than running them.
  jit: 'off',
};

const OLDEST = 13;
const PAUSES_MS = [250, 1_000];

/**
 * Somebody's DDL came in between: XX000, cache lookup failed; 42*, what was there is not any more; 55P03 and 40P01, a
 * lock. Functions that write definitions look at the catalogue of now, not at that of the transaction.
 */
const OVERTAKEN = /^(XX000|42P01|42703|42704|42883|3F000|55P03|40P01)$/;

/** The server could not describe an object any more. */
class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

/**
 * @throws {TrueupError} `busy` where the schema kept changing
 * @throws {SqlError}
 */
export async function readCatalogue(db: Database, partBegins: PartBegins = () => {}): Promise<ReadCatalogue> {
  for (let attempt = 0; ; attempt++) {
    const last = attempt === PAUSES_MS.length;
    try {
      const { catalogue, mark } = await attemptToRead(db, partBegins);
      const moved = mark !== (await fingerprint(db));
      if (!moved || last) return { catalogue, moved };
    } catch (error) {
      const overtaken =
        error instanceof Overtaken || (error instanceof SqlError && OVERTAKEN.test(error.sqlstate));
      if (!overtaken) throw error;
      if (last) throw keptChanging(error);
    }
    await sleep(PAUSES_MS[attempt]!);
  }
}

const keptChanging = (error: Error): TrueupError =>
  new TrueupError(
    {
      code: 'busy',
      message:
        error instanceof SqlError && /^(55P03|40P01)$/.test(error.sqlstate)
          ? 'the schema could not be read: another session holds a lock on one of its tables'
          : 'the schema could not be read: it changed each time',
      remedy: 'Run it again when no migration is under way; pg_stat_activity shows what runs.',
      ...(error instanceof SqlError ? { sqlstate: error.sqlstate } : {}),
    },
    { cause: error },
  );

/** `take` is given each row as it comes. */
type Ask = (sql: string, params: readonly Value[], take: (row: Row) => void) => Promise<void>;

async function attemptToRead(
  db: Database,
  partBegins: PartBegins,
): Promise<{ catalogue: Catalogue; mark: string }> {
  return inOneTransaction(db, async (ask, givingLocksBack) => {
    const { mark, major } = await askFingerprint(ask);
    const catalogue: Partial<Record<keyof Catalogue, readonly unknown[]>> = {};
    for (const name of Object.keys(KINDS) as (keyof Catalogue)[]) {
      partBegins(name);
      catalogue[name] = await readKind(KINDS[name] as Kind<object>, major, ask, givingLocksBack);
    }
    return { catalogue: catalogue as Catalogue, mark };
  });
}

/** Without a session each question is a transaction of its own; the fingerprint tells whether that mattered. */
async function inOneTransaction<T>(
  db: Database,
  work: (ask: Ask, givingLocksBack: Ask) => Promise<T>,
): Promise<T> {
  if (!db.capabilities.session) {
    const ask: Ask = async (sql, params, take) => (await db.query(sql, params, SETTINGS)).forEach(take);
    return work(ask, ask);
  }
  // Ten thousand tables are a hundred thousand rows: as text, all at once, they would be most of what the process needs.
  const ask: Ask = async (sql, params, take) =>
    db.queryEach ? db.queryEach(sql, params, take) : (await db.query(sql, params)).forEach(take);
  const begin = ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', ...setLocal(SETTINGS)].join(';');
  try {
    await db.query(begin);
    return await work(ask, async (sql, params, take) => {
      await db.query('SAVEPOINT locks');
      await ask(sql, params, take);
      await db.query('ROLLBACK TO locks; RELEASE locks');
    });
  } finally {
    // Where the connection is lost the error that says so is already on its way.
    await db.query('ROLLBACK').catch(() => {});
  }
}

async function readKind(
  kind: Kind<object>,
  major: number,
  ask: Ask,
  givingLocksBack: Ask,
): Promise<readonly object[]> {
  // As JSON both transports give the same, whatever the type.
  const sql = `SELECT row_to_json(o)::text AS o FROM (${kind.sql(major)}) AS o`;
  const objects: object[] = [];
  if (kind.atATime === undefined) {
    await ask(sql, [], (row) => objects.push(objectOf(kind, row)));
    return sorted(objects, kind);
  }
  for (let after = '0'; ; ) {
    const before = objects.length;
    await givingLocksBack(sql, [after, kind.atATime], (row) => {
      const { oid, ...object } = objectOf(kind, row) as { oid: string };
      after = oid;
      objects.push(object);
    });
    if (objects.length - before < kind.atATime) return sorted(objects, kind);
  }
}

/** @throws {Overtaken} */
function objectOf({ always = [] }: Kind<object>, row: Row): object {
  const fields = JSON.parse(row.o as string) as Record<string, unknown>;
  if ((always as readonly string[]).some((name) => fields[name] === null)) throw new Overtaken();
  const object: Record<string, unknown> = {};
  for (const name in fields) if (isSaid(fields[name])) object[name] = fields[name];
  return object;
}

const isSaid = (value: unknown): boolean =>
  value !== null && value !== false && !(Array.isArray(value) && value.length === 0);

/** By code units: the same on every machine, whatever its locale. Stable. */
function sorted(objects: object[], { namedBy, inOrderOf = namedBy }: Kind<object>): readonly object[] {
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

/** @throws {TrueupError} where the server is older than the questions */
async function askFingerprint(ask: Ask): Promise<{ mark: string; major: number }> {
  let row: Row | undefined;
  await ask(FINGERPRINT, [], (only) => {
    row = only;
  });
  const major = Math.floor(Number(row!.version) / 10_000);
  if (major < OLDEST)
    throw new TrueupError({
      code: 'unsupported',
      message: `the server is PostgreSQL ${major}; Trueup reads the schemas of ${OLDEST} and later`,
      remedy: `Restore its schema (pg_dump --schema-only) on a server of ${OLDEST} or later, and ask there.`,
    });
  return { mark: row!.mark as string, major };
}

const fingerprint = async (db: Database): Promise<string> =>
  (await inOneTransaction(db, askFingerprint)).mark;
