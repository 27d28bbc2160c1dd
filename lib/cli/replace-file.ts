import { renameSync, rmSync, writeFileSync } from 'node:fs';
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
    throw new UsageError(
      `${file} cannot be written (${(error as NodeJS.ErrnoException).code})`,
      'Name a file in a folder that is there and can be written to.',
    );
  }
}
