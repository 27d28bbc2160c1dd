import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './terminal/failure';

/**
 * Whole or not at all: a file that is cut off would promise less.
 * @throws {UsageError}
 */
export function replaceFile(file: string, text: string): void {
  const unfinished = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw notWritable(file, (error as NodeJS.ErrnoException).code);
  }
}

/**
 * Asked before the work that the file is for; what goes wrong later, replaceFile says.
 * @throws {UsageError}
 */
export function requireWritable(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw notWritable(file, 'EISDIR');
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (error) {
    throw notWritable(file, (error as NodeJS.ErrnoException).code);
  }
}

const notWritable = (file: string, code: string | undefined): UsageError =>
  new UsageError(
    `${file} cannot be written (${code})`,
    'Name a file in a folder that is there and can be written to.',
  );
