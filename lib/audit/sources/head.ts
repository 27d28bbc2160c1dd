/** What a file is, by what it begins with. Pure. */
import { SourceProblem } from './problem';

export const HEAD_BYTES = 4_096;

export type FileKind = 'snapshot' | 'dump' | 'sqlite';

const PLAIN = 'Write one in plain SQL: pg_dump --format=plain --file=dump.sql DATABASE';
const FROM_ARCHIVE = 'Make plain SQL of it: pg_restore --file=dump.sql FILE';
const unpack = (command: string): string => `Unpack it first: ${command} FILE > UNPACKED`;

/** Known, and not read; the first bytes in latin1. */
const REFUSED: readonly { readonly begins: RegExp | string; readonly is: string; readonly remedy: string }[] =
  [
    { begins: 'PGDMP', is: "is a dump in pg_dump's custom format", remedy: FROM_ARCHIVE },
    {
      begins: /^(?:toc|\d+)\.dat\0/,
      is: "is a dump in pg_dump's tar format",
      remedy: FROM_ARCHIVE,
    },
    { begins: '\x1f\x8b', is: 'is compressed (gzip)', remedy: unpack('gunzip --stdout') },
    { begins: '\x28\xb5\x2f\xfd', is: 'is compressed (zstd)', remedy: unpack('zstd --decompress --stdout') },
    { begins: '\x04\x22\x4d\x18', is: 'is compressed (lz4)', remedy: unpack('lz4 -d -c') },
    { begins: 'BZh', is: 'is compressed (bzip2)', remedy: unpack('bunzip2 --stdout') },
    { begins: '\xfd7zXZ\0', is: 'is compressed (xz)', remedy: unpack('xz --decompress --stdout') },
    { begins: 'PK\x03\x04', is: 'is a ZIP archive', remedy: 'Unpack it first, and give what is in it.' },
    {
      begins: /^(?:\xff\xfe\s*\{|\xfe\xff[\s\0]*\{)/,
      is: 'is in UTF-16, as PowerShell writes what is redirected',
      remedy: 'Let snapshot write the file: trueup snapshot --output FILE',
    },
    {
      begins: /^(?:\xff\xfe|\xfe\xff)/,
      is: 'is in UTF-16, as PowerShell writes what is redirected',
      remedy: 'Let pg_dump write the file: pg_dump --file=dump.sql DATABASE',
    },
    {
      begins:
        /^(?:-- (?:MySQL|MariaDB|phpMyAdmin SQL) dump|\/\*M?!\d+|(?:CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?`)/im,
      is: 'is a dump of MySQL, which has another SQL',
      remedy:
        'Restore it to a MySQL, move that to a PostgreSQL with a tool, and give the URL of the PostgreSQL.',
    },
    {
      begins: /^\s*PRAGMA foreign_keys\s*=/i,
      is: "is what sqlite3's .dump writes",
      remedy: 'Give the SQLite file itself.',
    },
    {
      begins: /^\s*--\s*PostgreSQL database cluster dump/m,
      is: 'is a dump of pg_dumpall, of all databases of a server',
      remedy: `Write one of a single database: pg_dump --file=dump.sql DATABASE`,
    },
  ];

const SQL = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*(?:[a-z]+\b|\\|$)/i;

/** @throws {SourceProblem} */
export function kindOf(head: Buffer): FileKind {
  if (head.length === 0)
    throw new SourceProblem('is empty', 'Give a snapshot, a dump in SQL or an SQLite file.');
  const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  if (text.startsWith('SQLite format 3\0')) return 'sqlite';
  const refused = REFUSED.find(({ begins }) =>
    typeof begins === 'string' ? text.startsWith(begins) : begins.test(text),
  );
  if (refused) throw new SourceProblem(refused.is, refused.remedy);
  if (/^\s*\{/.test(text)) return 'snapshot';
  if (!text.includes('\0') && SQL.test(text)) return 'dump';
  throw new SourceProblem(
    'is neither a snapshot, nor a dump in SQL, nor an SQLite file',
    `An SQLite file that is encrypted cannot be told from noise: decrypt it first. Of a dump: ${PLAIN}`,
  );
}

/** Of a folder that holds a `toc.dat`. */
export const DIRECTORY_FORMAT = new SourceProblem(
  "is a dump in pg_dump's directory format",
  FROM_ARCHIVE.replace('FILE', 'FOLDER'),
);
