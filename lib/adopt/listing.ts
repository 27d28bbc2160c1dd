/** Lists and reads the files of a folder and its subfolders. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFile, MAX_FILE_BYTES } from '../compiler/read/files';
import { AdoptProblem } from './problem';

export interface FolderListing {
  /** Relative paths with `/`, sorted by code units. */
  readonly files: readonly string[];
  /**
   * Returns the file's bytes unchanged.
   * @throws {AdoptProblem}
   */
  bytes(file: string): Buffer;
  /**
   * Returns the file's text with LF line ends and without a byte order mark.
   * @throws {AdoptProblem}
   */
  text(file: string): string;
}

const MAX_DEPTH = 6;
const MAX_FILES = 20_000;

/**
 * Lists the files of a folder. Hidden files, symbolic links and `node_modules` are skipped.
 * @throws {AdoptProblem}
 */
export function readListing(folder: string): FolderListing {
  const files: string[] = [];
  const visit = (below: string, depth: number): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      if (entry.isDirectory() && depth < MAX_DEPTH) visit(path, depth + 1);
      else if (entry.isFile()) files.push(path);
      if (files.length > MAX_FILES)
        throw new AdoptProblem(
          `${folder} has more than ${MAX_FILES} files`,
          'Give a folder that has only the migrations.',
        );
    }
  };
  visit('', 0);
  const bytes = (file: string): Buffer => {
    const path = join(folder, file);
    if (statSync(path).size > MAX_FILE_BYTES)
      throw new AdoptProblem(`${file} is larger than 4 MiB`, 'Data does not belong in a migration.');
    return readFileSync(path);
  };
  return {
    files: files.sort(compareByCodeUnits),
    bytes,
    text: (file) => {
      const decoded = decodeFile({ name: file, bytes: bytes(file) });
      if ('problem' in decoded)
        throw new AdoptProblem(`${file}: ${decoded.problem.message}`, decoded.problem.remedy);
      return decoded.text;
    },
  };
}

export const compareByCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
