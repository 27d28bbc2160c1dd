/** Reads workloads from files and from a database's statistics. */
import { type Stats, statSync } from 'node:fs';
import type { GuaranteedWorkload } from '../../lambda/contract/workload';
import type { Database } from '../../lambda/postgres/database';
import type { Workload } from '../workload/collect-workload';
import { readGuaranteedWorkload, readWorkloadFile, WorkloadFileError } from '../workload/guaranteed-workload';
import { NoStatistics, readStatistics, type WorkloadStatistics } from '../workload/sources/statistics';
import type { ConnectionOptions } from './database/connection';
import { resolveConnectionTarget } from './database/connection';
import { UsageError } from './terminal/failure';

export { collectValues } from './options';

/**
 * Reads a workload file. The parser must be loaded.
 * @throws {UsageError}
 */
export const loadWorkloadFile = (file: string): Workload => withUsageErrors(() => readWorkloadFile(file));

/** Loads the parser, only where it is needed: that takes longer than most commands. */
export async function loadSqlParser(): Promise<void> {
  const { loadParser } = require('../compiler/read/parser') as typeof import('../compiler/read/parser');
  await loadParser();
}

/**
 * Reads the guaranteed workload from files.
 * @throws {UsageError}
 */
export async function loadGuaranteedWorkload(files: readonly string[]): Promise<GuaranteedWorkload> {
  await loadSqlParser();
  return withUsageErrors(() => readGuaranteedWorkload(files));
}

/**
 * Runs `work` and reports an invalid workload file as a usage error.
 * @throws {UsageError}
 */
export function withUsageErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof WorkloadFileError) throw new UsageError(error.message, error.remedy);
    throw error;
  }
}

/** Opens a read-only session, or explains why there is none. */
export async function openReadOnlySession(
  options: ConnectionOptions,
  statementTimeoutMs: number,
): Promise<{ db: Database; label: string }> {
  const target = resolveConnectionTarget(options);
  const { createConnector } = require('./database/local') as typeof import('./database/local');
  const db = await createConnector({ ...target, pg: { ...target.pg, readOnly: true, statementTimeoutMs } })();
  return { db, label: target.label };
}

/**
 * Opens a second session of the same kind; `undefined` if the server allows no second one, e.g. because of a role's
 * connection limit.
 */
export const openSecondSession = (
  options: ConnectionOptions,
  statementTimeoutMs: number,
): Promise<Database | undefined> =>
  openReadOnlySession(options, statementTimeoutMs).then(
    ({ db }) => db,
    () => undefined,
  );

/**
 * Reads the statements in pg_stat_statements.
 * @throws {UsageError} if the extension is missing
 */
export async function loadStatistics(db: Database): Promise<WorkloadStatistics> {
  try {
    return await readStatistics(db);
  } catch (error) {
    if (error instanceof NoStatistics) throw new UsageError(error.message, error.remedy);
    throw error;
  }
}

/**
 * Checks that a file exists. It may be a pipe, as logs and statements can be long.
 * @throws {UsageError}
 */
export function requireFile(file: string): void {
  let stat: Stats | undefined;
  try {
    stat = statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw new UsageError(
      `${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`,
      GIVE_FILES_REMEDY,
    );
  }
  if (stat && !stat.isDirectory()) return;
  throw new UsageError(
    stat ? `${file} is a folder, not a file` : `there is no file ${file}`,
    GIVE_FILES_REMEDY,
  );
}

const GIVE_FILES_REMEDY = 'Give files of SQL; give a log with --log.';
