/** What a database is, without its rows: kept in a file when the database is gone. */
import type { Catalogue } from '../../lambda/audit/catalogue';
import { type PartBegins, readCatalogue } from '../../lambda/audit/catalogue/read';
import { type NotSeen, unseenIn } from '../../lambda/audit/not-seen';
import { type Position, readPositions } from '../../lambda/audit/positions';
import { countRows, estimateRows, type RowCount } from '../../lambda/audit/rows';
import { type Database, SqlError } from '../../lambda/postgres/database';
import { NoStatistics, readStatistics } from '../workload/sources/statistics';
import { collect, type WorkloadEntry } from '../workload/workload';

export interface Snapshot {
  /** Everything that differs between two snapshots of the same database. */
  readonly taken: Taken;
  readonly catalogue: Catalogue;
  /** Where sequences are, by name. */
  readonly positions: readonly Position[];
  /** How many rows tables have, by name. */
  readonly rows: readonly RowCount[];
  /** What pg_stat_statements holds, normalized, by text. */
  readonly workload: readonly WorkloadEntry[];
  /** What a reader must not take for missing in the database. */
  readonly notSeen: readonly NotSeen[];
}

export interface Taken {
  /** ISO time. */
  readonly at: string;
  /** Of Trueup. */
  readonly version: string;
  /** Who asked: what is not seen depends on it. Empty where a file was read. */
  readonly role: string;
  /** How long each part took. */
  readonly ms: Readonly<Record<'catalogue' | 'workload' | 'positions' | 'rows', number>>;
}

export interface TakeOptions {
  /** Count the rows of every table. @default - what the server believes */
  readonly count?: boolean;
  /** Of Trueup. */
  readonly version: string;
  readonly partBegins?: PartBegins;
}

/**
 * Reads only, over several short transactions: sequences and counts are of a moment later than the catalogue. The parser
 * must be ready.
 * @throws {TrueupError} where the schema kept changing
 * @throws {SqlError}
 */
export async function takeSnapshot(db: Database, options: TakeOptions): Promise<Snapshot> {
  const { partBegins = () => {} } = options;
  const at = new Date().toISOString();
  const [asked] = await db.query<{ role: string }>('SELECT current_user::text AS role');
  const ms: Record<string, number> = {};
  const timed = async <T>(part: keyof Taken['ms'], work: () => Promise<T>): Promise<T> => {
    partBegins(part);
    const began = performance.now();
    const result = await work();
    ms[part] = Math.round(performance.now() - began);
    return result;
  };
  const { catalogue, moved } = await timed('catalogue', () => readCatalogue(db, partBegins));
  const workload = await timed('workload', () => readWorkload(db));
  const positions = await timed('positions', () => readPositions(db));
  const rows = await timed('rows', () => (options.count ? countRows(db) : estimateRows(db)));
  return {
    taken: { at, version: options.version, role: asked!.role, ms: ms as Taken['ms'] },
    catalogue,
    positions: positions.positions,
    rows: rows.rows,
    workload: workload.entries,
    notSeen: [...unseenIn({ catalogue, moved }), ...workload.notSeen, ...positions.notSeen, ...rows.notSeen],
  };
}

async function readWorkload(
  db: Database,
): Promise<{ entries: readonly WorkloadEntry[]; notSeen: readonly NotSeen[] }> {
  const what = 'workload';
  try {
    const { sent, hidden } = await readStatistics(db);
    const why = `${hidden} statements of other roles are hidden from the role; pg_read_all_stats shows them`;
    return { entries: collect(sent).entries, notSeen: hidden > 0 ? [{ what, why }] : [] };
  } catch (error) {
    return { entries: [], notSeen: [{ what, why: whyNoWorkload(error) }] };
  }
}

function whyNoWorkload(error: unknown): string {
  if (error instanceof NoStatistics) return 'the database has no extension pg_stat_statements';
  if (!(error instanceof SqlError)) throw error;
  if (error.sqlstate === '42501') return 'the role may not read pg_stat_statements';
  if (error.sqlstate === '55000')
    return 'the server does not load pg_stat_statements (shared_preload_libraries)';
  return `the server refused to show pg_stat_statements (SQLSTATE ${error.sqlstate})`;
}
