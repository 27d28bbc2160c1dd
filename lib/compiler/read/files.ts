/** Reads a folder of migrations: selects the files and checks that their bytes are text. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '../problem';
import { Source } from './source';

export const MAX_FILE_BYTES = 4 * 1024 * 1024;

export interface MigrationFile {
  /** File name relative to the folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const makeFileProblem = (file: string, message: string, remedy: string): Problem => ({
  file,
  line: null,
  column: null,
  message,
  remedy,
  snippet: '',
});

/** Reads every `.sql` file of the folder, in arbitrary order. Hidden files, other files and subfolders are ignored. */
export function readFolder(folder: string): { files: MigrationFile[]; problems: Problem[] } {
  const files: MigrationFile[] = [];
  const problems: Problem[] = [];
  const names = listFolder(folder, problems);
  for (const name of names) {
    try {
      const stat = statSync(join(folder, name));
      if (!stat.isFile()) {
        problems.push(
          makeFileProblem(
            name,
            'this is not a file',
            'Only a migration file may have a name that ends in `.sql`.',
          ),
        );
      } else if (stat.size > MAX_FILE_BYTES) problems.push(makeTooLargeProblem(name, stat.size));
      else files.push({ name, bytes: readFileSync(join(folder, name)) });
    } catch (error) {
      problems.push(
        makeFileProblem(name, `the file cannot be read: ${readErrorCode(error)}`, 'Check its permissions.'),
      );
    }
  }
  if (names.length === 0 && problems.length === 0)
    problems.push(
      makeFileProblem(
        '',
        'the folder holds no migration',
        'Add a file, e.g. `0001_create_orders.sql`, or name another folder.',
      ),
    );
  return { files, problems };
}

function listFolder(folder: string, problems: Problem[]): string[] {
  try {
    return readdirSync(folder).filter((name) => /\.sql$/i.test(name) && !name.startsWith('.'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    problems.push(
      code === 'ENOENT'
        ? makeFileProblem('', 'there is no such folder', 'Name the folder that holds the migrations.')
        : code === 'ENOTDIR'
          ? makeFileProblem('', 'it is a file, not a folder', 'Name the folder that holds the migrations.')
          : makeFileProblem(
              '',
              `the folder cannot be read: ${readErrorCode(error)}`,
              'Check its permissions.',
            ),
    );
    return [];
  }
}

const makeTooLargeProblem = (name: string, bytes: number): Problem =>
  makeFileProblem(
    name,
    `the file has ${bytes.toLocaleString('en')} bytes; the maximum for a migration is ${MAX_FILE_BYTES.toLocaleString('en')} (4 MiB)`,
    'Split it. Data does not belong in a migration: load it with a tool made for that.',
  );

/** Returns the text with LF line endings and without a byte order mark, or the reason why the bytes are not text. */
export function decodeFile({ name, bytes }: MigrationFile): { text: string } | { problem: Problem } {
  if (bytes.length > MAX_FILE_BYTES) return { problem: makeTooLargeProblem(name, bytes.length) };
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return { problem: makeFileProblem(name, 'the file is UTF-16, not UTF-8', 'Save it as UTF-8.') };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const source = new Source(name, text.replaceAll('\r\n', '\n'));
    const zero = source.text.indexOf('\0');
    if (zero < 0) return { text: source.text };
    const remedy = 'Remove it: PostgreSQL has no such character in text.';
    return { problem: { ...source.problem(zero, 'there is a zero byte', remedy), snippet: '' } };
  } catch {
    return { problem: makeNotUtf8Problem(name, Buffer.from(bytes)) };
  }
}

/** Reports the place of the first byte that is not UTF-8. */
function makeNotUtf8Problem(name: string, bytes: Buffer): Problem {
  let at = 0;
  for (const character of bytes.toString('utf8')) {
    const encoded = Buffer.from(character);
    if (character === '\uFFFD' && !bytes.subarray(at, at + 3).equals(encoded)) break;
    at += encoded.length;
  }
  const before = bytes.subarray(0, at).toString('utf8').split('\n');
  const byte = bytes[at]!.toString(16).padStart(2, '0');
  return {
    file: name,
    line: before.length,
    column: Array.from(before.at(-1)!.replace('\uFEFF', '')).length + 1,
    message: `the byte 0x${byte} is not UTF-8`,
    remedy: 'Save the file as UTF-8 (it may be Latin-1 or Windows-1252 now).',
    snippet: '',
  };
}

const readErrorCode = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
