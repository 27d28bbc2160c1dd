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
 * Writes a file completely or not at all: a truncated file would guarantee less.
 * @throws {UsageError}
 */
export function replaceFile(file: string, text: string): void {
  const place = resolveFile(file);
  const unfinished = `${place}.${process.pid}.tmp`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, place);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw makeNotWritableError(file, (error as NodeJS.ErrnoException).code);
  }
}

/**
 * Checks that a file can be written, before the work whose result it will hold. Later failures are reported by {@link
 * replaceFile}.
 * @throws {UsageError}
 */
export function requireWritable(file: string): void {
  const place = resolveFile(file);
  try {
    accessSync(dirname(place), constants.W_OK);
  } catch (error) {
    throw makeNotWritableError(file, (error as NodeJS.ErrnoException).code);
  }
}

/** Resolves links. Anything but a regular file, e.g. a device, is rejected: writing the file would replace it. */
function resolveFile(file: string): string {
  const [stat, place] = statFile(file);
  if (stat?.isDirectory()) throw makeNotWritableError(file, 'EISDIR');
  if (stat && !stat.isFile()) throw makeNotWritableError(file, 'it is not a regular file');
  return place;
}

function statFile(file: string): [Stats | undefined, string] {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    return [stat, stat ? realpathSync(file) : file];
  } catch (error) {
    throw makeNotWritableError(file, (error as NodeJS.ErrnoException).code);
  }
}

const makeNotWritableError = (file: string, why: string | undefined): UsageError =>
  new UsageError(`${file} cannot be written (${why})`, 'Give a file in an existing, writable folder.');
