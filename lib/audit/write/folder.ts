/** The folder on the disk: whole or not at all. */
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

/** The folder cannot be written, and why. */
export class FolderProblem extends Error {
  override readonly name = 'FolderProblem';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** Before the database is asked anything. @throws {FolderProblem} where something is in it */
export function requireNew(folder: string): void {
  const stat = statOf(folder);
  if (stat === undefined) return;
  if (!stat.isDirectory()) throw new FolderProblem(`${folder} is not a folder`, NEW);
  if (entriesOf(folder).length > 0)
    throw new FolderProblem(`${folder} is not empty, and nothing in it is replaced`, NEW);
}

const NEW = 'Name a folder that does not exist yet, or an empty one.';

function statOf(folder: string): Stats | undefined {
  try {
    return statSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    throw cannot(folder, error);
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw cannot(folder, error);
  }
}

const cannot = (folder: string, error: unknown): FolderProblem =>
  new FolderProblem(
    `${folder} cannot be written (${(error as NodeJS.ErrnoException).code})`,
    'Name a folder where you may write.',
  );

/**
 * Under another name first: a folder that is cut off would leave out what comes last.
 * @param files by their paths in it
 * @throws {FolderProblem}
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  requireNew(folder);
  const place = resolve(folder);
  let unfinished: string | undefined;
  try {
    mkdirSync(dirname(place), { recursive: true });
    unfinished = mkdtempSync(join(dirname(place), `.${basename(place)}.unfinished-`));
    for (const [name, text] of files) {
      mkdirSync(dirname(join(unfinished, name)), { recursive: true });
      writeFileSync(join(unfinished, name), text);
    }
    // An empty folder would be in the way on Windows alone; a filled one is in the way everywhere.
    if (statSync(place, { throwIfNoEntry: false })) rmdirSync(place);
    renameSync(unfinished, place);
  } catch (error) {
    if (unfinished) rmSync(unfinished, { recursive: true, force: true });
    throw cannot(folder, error);
  }
}
