/** Workloads as commands are given them: files, and what a database remembers. */
import { readFileSync, statSync } from 'node:fs';
import type { Database } from '../../lambda/postgres/database';
import { readWorkload, WorkloadProblem } from '../workload/file';
import { NoStatistics, readStatistics, type Statistics } from '../workload/sources/statistics';
import type { Workload } from '../workload/workload';
import type { ConnectionOptions } from './database/connection';
import { connectionTarget } from './database/connection';
import { UsageError } from './terminal/failure';

/** For an option that may be given several times. */
export const repeated = (file: string, before: readonly string[] = []): string[] => [...before, file];

/** The parser must be ready. @throws {UsageError} */
export function fromFile(file: string): Workload {
  requireFile(file);
  try {
    return readWorkload(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof WorkloadProblem)) throw error;
    throw new UsageError(
      `${file}:${error.line}: ${error.message}`,
      'A workload holds SELECT, INSERT, UPDATE, DELETE and MERGE. Take the statement out, or give a log with --log.',
    );
  }
}

/** A session that cannot write, in words for a person where there is none. */
export async function readOnlySession(
  options: ConnectionOptions,
  statementTimeoutMs: number,
): Promise<{ db: Database; label: string }> {
  const target = connectionTarget(options);
  const { connector } = await import('./database/local.js');
  const db = await connector({ ...target, pg: { ...target.pg, readOnly: true, statementTimeoutMs } })();
  return { db, label: target.label };
}

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
