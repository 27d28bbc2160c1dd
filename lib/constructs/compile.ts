import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Manifest, sha256 } from '../../lambda/engine/manifest';
import { compileFolderSync } from '../compiler/sync';

const compiled = new Map<string, Manifest>();

/**
 * The folder's manifest; compiled once a process for the same files, since an app often has a stack for each stage.
 * @throws {CompileError} with every problem of every file
 */
export function compileOnce(folder: string): Manifest {
  const key = contentsOf(folder);
  const known = key === undefined ? undefined : compiled.get(key);
  if (known) return known;
  const manifest = compileFolderSync(folder);
  if (key !== undefined) compiled.set(key, manifest);
  return manifest;
}

/** Undefined where something cannot be read: the compiler says what. */
function contentsOf(folder: string): string | undefined {
  try {
    const names = readdirSync(folder)
      .filter((name) => name.endsWith('.sql'))
      .sort();
    return sha256(JSON.stringify(names.map((name) => [name, readFileSync(join(folder, name), 'base64')])));
  } catch {
    return undefined;
  }
}
