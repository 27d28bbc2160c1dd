/**
 * Opens an SQLite file without touching it. SQLite creates its lock next to the name under which it opens a file, so
 * the file is opened under another name in a temporary folder.
 */
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Database } from 'node-sqlite3-wasm';
import { SourceProblem } from '../source-problem';

/** https://www.sqlite.org/fileformat2.html#the_database_header */
const HEADER_BYTES = 100;
const VERSIONS_AT = 18;
const ENCODING_AT = 56;
const UTF_16: readonly number[] = [2, 3];
const WAL = 2;
const ROLLBACK = 1;

/** @throws {SourceProblem} */
export function withSqlite<T>(file: string, work: (db: Database) => T): T {
  const header = readHeader(file);
  requireAtRest(file);
  requireWhole(file, header);
  if (UTF_16.includes(header.readUInt32BE(ENCODING_AT)))
    throw new SourceProblem(
      'stores text in UTF-16, which the built-in SQLite does not read',
      `Convert a copy to UTF-8 and give that: sqlite3 ${file} .dump | sqlite3 copy.db`,
    );
  const before = statSync(file);
  const folder = mkdtempSync(join(tmpdir(), 'trueup-sqlite-'));
  try {
    const name = join(folder, 'source.db');
    linkOrCopy(resolve(file), name, header[VERSIONS_AT] === WAL);
    // Loaded here because only SQLite sources need it.
    const { Database } = require('node-sqlite3-wasm') as typeof import('node-sqlite3-wasm');
    const db = new Database(name, { readOnly: true });
    try {
      db.exec('PRAGMA query_only = on; PRAGMA trusted_schema = off; PRAGMA cell_size_check = on;');
      const result = work(db);
      const after = statSync(file);
      if (after.mtimeMs !== before.mtimeMs || after.size !== before.size)
        throw new SourceProblem('was changed while it was being read', buildCopyRemedy(file));
      return result;
    } finally {
      db.close();
    }
  } catch (error) {
    throw toSourceProblem(error, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const buildCopyRemedy = (file: string): string =>
  `Make a copy and give that: sqlite3 ${file} ".backup copy.db"`;

/**
 * Creates the other name: a symbolic link, or a copy if the system does not allow links. A file in WAL mode is copied
 * too, and the copy's header is set to rollback mode, since SQLite would look for the WAL next to the new name.
 */
function linkOrCopy(file: string, name: string, wal: boolean): void {
  if (!wal) {
    try {
      symlinkSync(file, name);
      return;
    } catch {
      // On Windows, symbolic links need a privilege that few users have.
    }
  }
  copyFileSync(file, name);
  if (!wal) return;
  const handle = openSync(name, 'r+');
  writeSync(handle, Buffer.from([ROLLBACK, ROLLBACK]), 0, 2, VERSIONS_AT);
  closeSync(handle);
}

function readHeader(file: string): Buffer {
  const handle = openSync(file, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(handle, header, 0, HEADER_BYTES, 0);
    return header;
  } finally {
    closeSync(handle);
  }
}

/**
 * Rejects a file that is in use: recent writes may still be in the -wal or -journal file beside it.
 * @throws {SourceProblem}
 */
function requireAtRest(file: string): void {
  for (const end of ['-wal', '-journal'])
    if ((statSync(file + end, { throwIfNoEntry: false })?.size ?? 0) > 0)
      throw new SourceProblem(
        `is in use or was not closed: part of it is in ${file}${end}`,
        buildCopyRemedy(file),
      );
}

/** @throws {SourceProblem} */
function requireWhole(file: string, header: Buffer): void {
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  // SQLite has written the number of pages since version 3.7.0; it is valid only if both change counters are equal.
  const isKnown = pages > 0 && header.readUInt32BE(24) === header.readUInt32BE(92);
  if (isKnown && statSync(file).size < pages * pageSize)
    throw new SourceProblem('is cut off: it is shorter than its header says', 'Copy it again.');
}

/** Replaces SQLite's error messages, which may quote data of the file. */
function toSourceProblem(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || error.name !== 'SQLite3Error') return error;
  if (/not a database/.test(error.message))
    return new SourceProblem(
      'is damaged or encrypted: SQLite cannot read it',
      'Decrypt it, or restore it from a backup.',
    );
  if (/locked|busy/.test(error.message)) return new SourceProblem('is locked', buildCopyRemedy(file));
  return new SourceProblem(
    'is damaged: SQLite cannot read its schema',
    'Restore it from a backup, or try: sqlite3 FILE .recover',
  );
}
