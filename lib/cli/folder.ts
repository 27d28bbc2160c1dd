/** Compiles the folder of migrations. */
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Manifest } from '../../lambda/contract/manifest';
import type { CompileOptions } from '../compiler';
import { CompileError } from '../compiler/problem';
import { UsageError } from './terminal/failure';

/**
 * Compiles the folder.
 * @throws {UsageError} if there are no files to read
 * @throws {CompileError} with all problems in them
 */
export async function compileMigrations(folder: string, options?: CompileOptions): Promise<Manifest> {
  requireFolder(folder);
  try {
    // Loaded here because PostgreSQL's parser takes longer to load than most commands take to run.
    const { compileFolder } = require('../compiler') as typeof import('../compiler');
    return await compileFolder(folder, options);
  } catch (error) {
    const problem =
      error instanceof CompileError ? error.problems.find(({ file }) => file === '') : undefined;
    if (problem) throw new UsageError(`${folder}: ${problem.message}`, problem.remedy);
    throw error;
  }
}

export function requireFolder(folder: string): void {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return;
  throw new UsageError(
    stat ? `${folder} is not a folder` : `there is no folder ${folder}`,
    'Give the folder of your migration files as the last argument, or create one with `trueup new NAME`.',
  );
}

/** Returns the ledger's namespace, by default the name of the folder. */
export const resolveNamespace = (folder: string, given: string | undefined): string =>
  given ?? (basename(resolve(folder)) || 'migrations');

/**
 * Checks that a migration exists.
 * @throws {UsageError}
 */
export function requireMigration(
  {
    migrations,
  }: {
    readonly migrations: readonly { readonly name: string; readonly formerNames?: readonly string[] }[];
  },
  name: string,
): void {
  if (migrations.some((each) => each.name === name || each.formerNames?.includes(name))) return;
  const similar = migrations.filter((m) => m.name.includes(name)).map((m) => m.name);
  throw new UsageError(
    `there is no migration ${name}`,
    similar.length > 0
      ? `Did you mean ${similar.slice(0, 3).join(' or ')}? Give the file's name without .sql.`
      : "Give the file's name without .sql; `trueup status` lists them.",
  );
}

/** Returns a folder's name for the end of a sentence: `.` and `..` would be read as its full stop. */
export const formatTrailingFolder = (folder: string): string =>
  folder.endsWith('.') ? resolve(folder) : folder;
