import {
  accessSync,
  constants,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './terminal/failure';

/**
 * Whole or not at all: a file that is cut off would promise less.
 * @throws {UsageError}
 */
export function replaceFile(file: string, text: string): void {
  const place = placeOf(file);
  const unfinished = `${place}.${process.pid}.tmp`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, place);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw notWritable(file, (error as NodeJS.ErrnoException).code);
  }
}

/**
 * Asked before the work that the file is for; what goes wrong later, {@link replaceFile} says.
 * @throws {UsageError}
 */
export function requireWritable(file: string): void {
  const place = placeOf(file);
  try {
    accessSync(dirname(place), constants.W_OK);
  } catch (error) {
    throw notWritable(file, (error as NodeJS.ErrnoException).code);
  }
}

/** Where a link leads. What is no file, a device say, would be gone when a file took its place. */
function placeOf(file: string): string {
  const [stat, place] = lookedUp(file);
  if (stat?.isDirectory()) throw notWritable(file, 'EISDIR');
  if (stat && !stat.isFile()) throw notWritable(file, 'it is not a regular file');
  return place;
}

function lookedUp(file: string): [Stats | undefined, string] {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    return [stat, stat ? realpathSync(file) : file];
  } catch (error) {
    throw notWritable(file, (error as NodeJS.ErrnoException).code);
  }
}

const notWritable = (file: string, why: string | undefined): UsageError =>
  new UsageError(
    `${file} cannot be written (${why})`,
    'Name a file in a folder that is there and can be written to.',
  );
