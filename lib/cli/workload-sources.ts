/** Workloads as commands are given them: files, and what a database remembers. */
import { statSync } from 'node:fs';
import type { WorkloadPromise } from '../../lambda/contract/workload';
import type { Database } from '../../lambda/postgres/database';
import { promiseOfFiles, readWorkloadFile, WorkloadFileError } from '../workload/promise';
import { NoStatistics, readStatistics, type Statistics } from '../workload/sources/statistics';
import type { Workload } from '../workload/workload';
import type { ConnectionOptions } from './database/connection';
import { connectionTarget } from './database/connection';
import { UsageError } from './terminal/failure';

export { repeated } from './options';

/** The parser must be ready. @throws {UsageError} */
export const fromFile = (file: string): Workload => usable(() => readWorkloadFile(file));

/** Loaded where it is needed: it takes longer than most commands. */
export async function parserReady(): Promise<void> {
  const { loadParser } = require('../compiler/read/parser') as typeof import('../compiler/read/parser');
  await loadParser();
}

/** @throws {UsageError} */
export async function promiseFromFiles(files: readonly string[]): Promise<WorkloadPromise> {
  await parserReady();
  return usable(() => promiseOfFiles(files));
}

/** @throws {UsageError} in place of what is wrong with a workload file */
export function usable<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof WorkloadFileError) throw new UsageError(error.message, error.remedy);
    throw error;
  }
}

/** A session that cannot write, in words for a person where there is none. */
export async function readOnlySession(
  options: ConnectionOptions,
  statementTimeoutMs: number,
): Promise<{ db: Database; label: string }> {
  const target = connectionTarget(options);
  const { connector } = require('./database/local') as typeof import('./database/local');
  const db = await connector({ ...target, pg: { ...target.pg, readOnly: true, statementTimeoutMs } })();
  return { db, label: target.label };
}

/** Another session of the same kind; none where the server gives no second one, a role's connection limit say. */
export const anotherSession = (
  options: ConnectionOptions,
  statementTimeoutMs: number,
): Promise<Database | undefined> =>
  readOnlySession(options, statementTimeoutMs).then(
    ({ db }) => db,
    () => undefined,
  );

/** @throws {UsageError} where pg_stat_statements is missing */
export async function fromStatistics(db: Database): Promise<Statistics> {
  try {
    return await readStatistics(db);
  } catch (error) {
    if (error instanceof NoStatistics) throw new UsageError(error.message, error.remedy);
    throw error;
  }
}

export function requireFile(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat && !stat.isDirectory()) return;
  throw new UsageError(
    stat ? `${file} is a folder, not a file` : `there is no file ${file}`,
    'Give files of SQL; give a log with --log.',
  );
}
