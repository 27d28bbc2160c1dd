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

/** @throws {UsageError} where something is there already */
export function requireNoFolder(folder: string): void {
  if (!existsSync(folder)) return;
  if (statSync(folder).isDirectory() && readdirSync(folder).length === 0) return;
  throw new UsageError(
    `${folder} is there already, and not empty`,
    'Give the name of a folder that is not there yet.',
  );
}

/**
 * Whole or not at all.
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
      'Name a folder that is not there yet, in one that can be written to.',
    );
  }
}
