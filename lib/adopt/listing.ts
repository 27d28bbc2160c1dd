/** The files of a folder and of the folders in it. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decode, MAX_FILE_BYTES } from '../compiler/read/files';
import { AdoptProblem } from './problem';

export interface Listing {
  /** Relative paths with `/`, sorted by code units. */
  readonly files: readonly string[];
  /** As it lies. @throws {AdoptProblem} */
  bytes(file: string): Buffer;
  /** Line ends as LF, without a byte order mark. @throws {AdoptProblem} */
  text(file: string): string;
}

const DEEPEST = 6;
const MOST_FILES = 20_000;

/** Hidden files, links and `node_modules` are passed over. @throws {AdoptProblem} */
export function listingOf(folder: string): Listing {
  const files: string[] = [];
  const visit = (below: string, depth: number): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      if (entry.isDirectory() && depth < DEEPEST) visit(path, depth + 1);
      else if (entry.isFile()) files.push(path);
      if (files.length > MOST_FILES)
        throw new AdoptProblem(
          `${folder} holds more than ${MOST_FILES} files`,
          'Give the folder that holds the migrations alone.',
        );
    }
  };
  visit('', 0);
  const bytes = (file: string): Buffer => {
    const path = join(folder, file);
    if (statSync(path).size > MAX_FILE_BYTES)
      throw new AdoptProblem(`${file} has more than 4 MiB`, 'Data does not belong in a migration.');
    return readFileSync(path);
  };
  return {
    files: files.sort(byCodeUnits),
    bytes,
    text: (file) => {
      const decoded = decode({ name: file, bytes: bytes(file) });
      if ('problem' in decoded)
        throw new AdoptProblem(`${file}: ${decoded.problem.message}`, decoded.problem.remedy);
      return decoded.text;
    },
  };
}

export const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
