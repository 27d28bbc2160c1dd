/**
 * Opens an SQLite file without touching it. SQLite puts what it needs, a lock, beside the name under which it opens a
 * file: so it opens another name, in a temporary folder.
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
import { SourceProblem } from '../problem';

/** https://www.sqlite.org/fileformat2.html#the_database_header */
const HEADER_BYTES = 100;
const VERSIONS_AT = 18;
const ENCODING_AT = 56;
const UTF_16: readonly number[] = [2, 3];
const WAL = 2;
const ROLLBACK = 1;

/** @throws {SourceProblem} */
export function withSqlite<T>(file: string, work: (db: Database) => T): T {
  const header = headerOf(file);
  requireAtRest(file);
  requireWhole(file, header);
  if (UTF_16.includes(header.readUInt32BE(ENCODING_AT)))
    throw new SourceProblem(
      'keeps its texts in UTF-16, which the SQLite that is built in does not read',
      `Make a copy in UTF-8, and give that: sqlite3 ${file} .dump | sqlite3 copy.db`,
    );
  const before = statSync(file);
  const folder = mkdtempSync(join(tmpdir(), 'trueup-sqlite-'));
  try {
    const name = join(folder, 'source.db');
    otherName(resolve(file), name, header[VERSIONS_AT] === WAL);
    // Loaded here: only who gives such a file needs it.
    const { Database } = require('node-sqlite3-wasm') as typeof import('node-sqlite3-wasm');
    const db = new Database(name, { readOnly: true });
    try {
      db.exec('PRAGMA query_only = on; PRAGMA trusted_schema = off; PRAGMA cell_size_check = on;');
      const result = work(db);
      const after = statSync(file);
      if (after.mtimeMs !== before.mtimeMs || after.size !== before.size)
        throw new SourceProblem('was changed while it was read', COPY(file));
      return result;
    } finally {
      db.close();
    }
  } catch (error) {
    throw inWords(error, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const COPY = (file: string): string =>
  `Make a copy that is at rest, and give that: sqlite3 ${file} ".backup copy.db"`;

/** A link where the system lets us; a copy where the file says that there is a log beside it, which SQLite would miss. */
function otherName(file: string, name: string, wal: boolean): void {
  if (!wal) {
    try {
      symlinkSync(file, name);
      return;
    } catch {
      // Windows asks for a right that few have.
    }
  }
  copyFileSync(file, name);
  if (!wal) return;
  const handle = openSync(name, 'r+');
  writeSync(handle, Buffer.from([ROLLBACK, ROLLBACK]), 0, 2, VERSIONS_AT);
  closeSync(handle);
}

function headerOf(file: string): Buffer {
  const handle = openSync(file, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(handle, header, 0, HEADER_BYTES, 0);
    return header;
  } finally {
    closeSync(handle);
  }
}

/** What was written and is not in the file yet is in a file beside it. @throws {SourceProblem} */
function requireAtRest(file: string): void {
  for (const end of ['-wal', '-journal'])
    if ((statSync(file + end, { throwIfNoEntry: false })?.size ?? 0) > 0)
      throw new SourceProblem(`is in use, or was not closed: some of it is in ${file}${end}`, COPY(file));
}

/** @throws {SourceProblem} */
function requireWhole(file: string, header: Buffer): void {
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  // Written since version 3.7.0, and only then of worth.
  const isKnown = pages > 0 && header.readUInt32BE(24) === header.readUInt32BE(92);
  if (isKnown && statSync(file).size < pages * pageSize)
    throw new SourceProblem('is cut off: it is shorter than it says itself', 'Copy it again.');
}

/** Its own words may quote what is in the file. */
function inWords(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || error.name !== 'SQLite3Error') return error;
  if (/not a database/.test(error.message))
    return new SourceProblem(
      'is damaged, or encrypted: SQLite cannot read it',
      'Decrypt it, or restore it from a backup.',
    );
  if (/locked|busy/.test(error.message)) return new SourceProblem('is locked', COPY(file));
  return new SourceProblem(
    'is damaged: SQLite cannot read its schema',
    'Restore it from a backup, or try sqlite3 FILE .recover',
  );
}
