/** Takes a snapshot of a database: everything but its rows. It can be kept in a file after the database was dropped. */
import type { Catalog } from '../../lambda/audit/catalog';
import { type PartListener, readCatalog } from '../../lambda/audit/catalog/read';
import { listUncheckedOfCatalog, type NotCheckedItem } from '../../lambda/audit/not-checked';
import { readSequenceValues, type SequenceValue } from '../../lambda/audit/positions';
import { countRows, estimateRows, type RowCount } from '../../lambda/audit/rows';
import { type Database, SqlError } from '../../lambda/postgres/database';
import { collectWorkload, type WorkloadEntry } from '../workload/collect-workload';
import { NoStatistics, readStatistics } from '../workload/sources/statistics';

export interface Snapshot {
  /** Facts about the reading. Only they differ between two snapshots of an unchanged database. */
  readonly taken: SnapshotInfo;
  readonly catalog: Catalog;
  /** Positions of the sequences, sorted by name. */
  readonly sequenceValues: readonly SequenceValue[];
  /** Row counts of the tables, sorted by name. */
  readonly rows: readonly RowCount[];
  /** Normalized statements recorded by pg_stat_statements, sorted by text. */
  readonly workload: readonly WorkloadEntry[];
  /** Objects that could not be read, with the reason, so that they are not mistaken for missing ones. */
  readonly notChecked: readonly NotCheckedItem[];
}

export interface SnapshotInfo {
  /** Time in ISO 8601 format. */
  readonly at: string;
  /** Version of Trueup. */
  readonly version: string;
  /** Role that read the database, which decides what could be read; empty if the source was a file. */
  readonly role: string;
  /** Duration of each part in milliseconds. */
  readonly ms: Readonly<Record<'catalog' | 'workload' | 'sequenceValues' | 'rows', number>>;
}

export interface SnapshotOptions {
  /**
   * Whether to count the rows of every table.
   * @default - the server's estimates are used
   */
  readonly count?: boolean;
  /** Version of Trueup. */
  readonly version: string;
  readonly partBegins?: PartListener;
}

/**
 * Takes the snapshot in several short read-only transactions, so sequence positions and row counts are slightly later
 * than the catalog. The parser must be loaded.
 * @throws {TrueupError} if the schema kept changing
 * @throws {SqlError}
 */
export async function takeSnapshot(db: Database, options: SnapshotOptions): Promise<Snapshot> {
  const { partBegins = () => {} } = options;
  const at = new Date().toISOString();
  const [asked] = await db.query<{ role: string }>('SELECT current_user::pg_catalog.text AS role');
  const ms: Record<string, number> = {};
  const timed = async <T>(part: keyof SnapshotInfo['ms'], work: () => Promise<T>): Promise<T> => {
    partBegins(part);
    const began = performance.now();
    const result = await work();
    ms[part] = Math.round(performance.now() - began);
    return result;
  };
  const { catalog, moved } = await timed('catalog', () => readCatalog(db, partBegins));
  const workload = await timed('workload', () => readWorkload(db));
  const positions = await timed('sequenceValues', () => readSequenceValues(db));
  const rows = await timed('rows', () => (options.count ? countRows(db) : estimateRows(db)));
  return {
    taken: { at, version: options.version, role: asked!.role, ms: ms as SnapshotInfo['ms'] },
    catalog,
    sequenceValues: positions.positions,
    rows: rows.rows,
    workload: workload.entries,
    notChecked: [
      ...listUncheckedOfCatalog({ catalog, moved }),
      ...workload.notChecked,
      ...positions.notChecked,
      ...rows.notChecked,
    ],
  };
}

async function readWorkload(
  db: Database,
): Promise<{ entries: readonly WorkloadEntry[]; notChecked: readonly NotCheckedItem[] }> {
  const what = 'workload';
  try {
    const { sent, hidden } = await readStatistics(db);
    const why = `${hidden} statements of other roles are hidden from the role; pg_read_all_stats shows them`;
    return { entries: collectWorkload(sent).entries, notChecked: hidden > 0 ? [{ what, why }] : [] };
  } catch (error) {
    return { entries: [], notChecked: [{ what, why: explainMissingWorkload(error) }] };
  }
}

function explainMissingWorkload(error: unknown): string {
  if (error instanceof NoStatistics) return 'the database has no extension pg_stat_statements';
  if (!(error instanceof SqlError)) throw error;
  if (error.sqlstate === '42501') return 'the role may not read pg_stat_statements';
  if (error.sqlstate === '55000')
    return 'the server does not load pg_stat_statements (shared_preload_libraries)';
  return `the server refused to show pg_stat_statements (SQLSTATE ${error.sqlstate})`;
}
