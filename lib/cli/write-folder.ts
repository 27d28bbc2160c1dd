import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from './terminal/failure';

/**
 * Checks that the folder does not exist or is empty.
 * @throws {UsageError}
 */
export function requireNoFolder(folder: string): void {
  if (!existsSync(folder)) return;
  if (statSync(folder).isDirectory() && readdirSync(folder).length === 0) return;
  throw new UsageError(
    `${folder} already exists and is not empty`,
    'Give the name of a folder that does not exist.',
  );
}

/**
 * Writes a folder completely or not at all.
 * @throws {UsageError}
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  const path = resolve(folder);
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    mkdirSync(unfinished);
    for (const [name, text] of files) writeFileSync(join(unfinished, name), text, { flag: 'wx' });
    if (existsSync(path)) rmdirSync(path);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new UsageError(
      `${folder} cannot be written (${(error as NodeJS.ErrnoException).code})`,
      'Give the name of a new folder in a writable folder.',
    );
  }
}
