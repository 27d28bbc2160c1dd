/** Writes the folder to disk, completely or not at all. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Reports why the folder cannot be written. */
export class FolderProblem extends Error {
  override readonly name = 'FolderProblem';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** Checks the folder before the database is queried. @throws {FolderProblem} if it is not empty */
export function requireNewFolder(folder: string): void {
  const stat = statFolder(folder);
  if (stat === undefined) return;
  if (!stat.isDirectory()) throw new FolderProblem(`${folder} is not a folder`, NEW_FOLDER_REMEDY);
  if (listEntries(folder).length > 0)
    throw new FolderProblem(`${folder} is not empty, and existing files are not replaced`, NEW_FOLDER_REMEDY);
}

const NEW_FOLDER_REMEDY = 'Name a folder that does not exist yet, or an empty one.';

function statFolder(folder: string): Stats | undefined {
  try {
    return statSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    throw makeFolderProblem(folder, error);
  }
}

function listEntries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw makeFolderProblem(folder, error);
  }
}

const makeFolderProblem = (folder: string, error: unknown): FolderProblem =>
  new FolderProblem(
    `${folder} cannot be written (${(error as NodeJS.ErrnoException).code})`,
    'Name a folder that you can write to.',
  );

/**
 * Writes to a folder with a temporary name and renames it, because an incomplete folder would lack its last migrations.
 * @param files by their paths in it
 * @throws {FolderProblem}
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  requireNewFolder(folder);
  const place = resolve(folder);
  let unfinished: string | undefined;
  try {
    mkdirSync(dirname(place), { recursive: true });
    unfinished = mkdtempSync(join(dirname(place), `.${basename(place)}.unfinished-`));
    for (const [name, text] of files) {
      mkdirSync(dirname(join(unfinished, name)), { recursive: true });
      writeFileSync(join(unfinished, name), text);
    }
    // Only Windows refuses to rename over an empty folder; every system refuses to rename over one with files.
    if (statSync(place, { throwIfNoEntry: false })) rmdirSync(place);
    renameSync(unfinished, place);
  } catch (error) {
    if (unfinished) rmSync(unfinished, { recursive: true, force: true });
    throw makeFolderProblem(folder, error);
  }
}
