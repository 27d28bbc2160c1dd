/** Recognizes the kind of a source file by its first bytes. Pure. */
import { SourceProblem } from './source-problem';

export const HEAD_BYTES = 4_096;

export type FileKind = 'snapshot' | 'dump' | 'sqlite';

const PLAIN_SQL_REMEDY = 'Write one in plain SQL: pg_dump --format=plain --file=dump.sql DATABASE';
const ARCHIVE_REMEDY = 'Convert it to plain SQL: pg_restore --file=dump.sql FILE';
const buildUnpackRemedy = (command: string): string => `Unpack it first: ${command} FILE > UNPACKED`;

/** Formats that are recognized but cannot be read, with their first bytes as latin1. */
const REFUSED_FORMATS: readonly {
  readonly begins: RegExp | string;
  readonly is: string;
  readonly remedy: string;
}[] = [
  { begins: 'PGDMP', is: "is a dump in pg_dump's custom format", remedy: ARCHIVE_REMEDY },
  {
    begins: /^(?:toc|\d+)\.dat\0/,
    is: "is a dump in pg_dump's tar format",
    remedy: ARCHIVE_REMEDY,
  },
  { begins: '\x1f\x8b', is: 'is compressed (gzip)', remedy: buildUnpackRemedy('gunzip --stdout') },
  {
    begins: '\x28\xb5\x2f\xfd',
    is: 'is compressed (zstd)',
    remedy: buildUnpackRemedy('zstd --decompress --stdout'),
  },
  { begins: '\x04\x22\x4d\x18', is: 'is compressed (lz4)', remedy: buildUnpackRemedy('lz4 -d -c') },
  { begins: 'BZh', is: 'is compressed (bzip2)', remedy: buildUnpackRemedy('bunzip2 --stdout') },
  { begins: '\xfd7zXZ\0', is: 'is compressed (xz)', remedy: buildUnpackRemedy('xz --decompress --stdout') },
  { begins: 'PK\x03\x04', is: 'is a ZIP archive', remedy: 'Unpack it first, and give the file inside.' },
  {
    begins: /^(?:\xff\xfe\s*\{|\xfe\xff[\s\0]*\{)/,
    is: 'is in UTF-16, as PowerShell writes redirected output',
    remedy: 'Let snapshot write the file: trueup snapshot --output FILE',
  },
  {
    begins: /^(?:\xff\xfe|\xfe\xff)/,
    is: 'is in UTF-16, as PowerShell writes redirected output',
    remedy: 'Let pg_dump write the file: pg_dump --file=dump.sql DATABASE',
  },
  {
    begins:
      /^(?:-- (?:MySQL|MariaDB|phpMyAdmin SQL) dump|\/\*M?!\d+|(?:CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?`)/im,
    is: 'is a dump of MySQL, whose SQL PostgreSQL does not read',
    remedy:
      'Restore it to a MySQL server, migrate that to PostgreSQL with a tool, and give the URL of the PostgreSQL database.',
  },
  {
    begins: /^\s*PRAGMA foreign_keys\s*=/i,
    is: "is the output of sqlite3's .dump",
    remedy: 'Give the SQLite file itself.',
  },
  {
    begins: /^\s*--\s*PostgreSQL database cluster dump/m,
    is: 'is a dump of all databases of a server, written by pg_dumpall',
    remedy: `Write one of a single database: pg_dump --file=dump.sql DATABASE`,
  },
];

const SQL_START = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*(?:[a-z]+\b|\\|$)/i;

/**
 * Returns the kind of the file.
 * @throws {SourceProblem} if it is of a format that cannot be read, or of an unknown one
 */
export function detectFileKind(head: Buffer): FileKind {
  if (head.length === 0)
    throw new SourceProblem('is empty', 'Give a snapshot, a dump in SQL or an SQLite file.');
  const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  if (text.startsWith('SQLite format 3\0')) return 'sqlite';
  const refused = REFUSED_FORMATS.find(({ begins }) =>
    typeof begins === 'string' ? text.startsWith(begins) : begins.test(text),
  );
  if (refused) throw new SourceProblem(refused.is, refused.remedy);
  if (/^\s*\{/.test(text)) return 'snapshot';
  if (!text.includes('\0') && SQL_START.test(text)) return 'dump';
  throw new SourceProblem(
    'is neither a snapshot, nor a dump in SQL, nor an SQLite file',
    `If it is an encrypted SQLite file, decrypt it first. If it is a dump: ${PLAIN_SQL_REMEDY}`,
  );
}

/** Problem reported for a folder that contains `toc.dat`. */
export const DIRECTORY_FORMAT_PROBLEM = new SourceProblem(
  "is a dump in pg_dump's directory format",
  ARCHIVE_REMEDY.replace('FILE', 'FOLDER'),
);
