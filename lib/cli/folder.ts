/** The folder of migrations, compiled. */
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Manifest } from '../../lambda/engine/manifest';
import { compileFolder } from '../compiler';
import { UsageError } from './failure';

/** @throws {UsageError} when there is no such folder; {CompileError} with all that is wrong in its files */
export async function compile(folder: string): Promise<Manifest> {
  requireFolder(folder);
  return compileFolder(folder);
}

export function requireFolder(folder: string): void {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return;
  throw new UsageError(
    stat ? `${folder} is not a folder` : `there is no folder ${folder}`,
    'Give the folder of your migration files as the last argument, or begin one with `trueup new NAME`.',
  );
}

/** The ledger's namespace where none is given. */
export const namespaceOf = (folder: string, given: string | undefined): string =>
  given ?? (basename(resolve(folder)) || 'migrations');

/** @throws {UsageError} */
export function requireMigration(
  { migrations }: { readonly migrations: readonly { readonly name: string }[] },
  name: string,
): void {
  if (migrations.some((migration) => migration.name === name)) return;
  const similar = migrations.filter((m) => m.name.includes(name)).map((m) => m.name);
  throw new UsageError(
    `there is no migration ${name}`,
    similar.length > 0
      ? `Did you mean ${similar.slice(0, 3).join(' or ')}? Give the file's name without .sql.`
      : "Give the file's name without .sql; `trueup status` lists them.",
  );
}
