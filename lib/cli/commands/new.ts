import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readFileName } from '../../compiler/read/file-name';
import { Source } from '../../compiler/read/source';
import { EXIT } from '../exit-codes';
import { requireFolder } from '../folder';
import { withFolder } from '../options';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import type { GlobalOptions } from '../terminal/terminal';

interface Options extends GlobalOptions {
  readonly timestamp?: boolean;
  readonly repeatable?: boolean;
}

export function registerNew(program: Command): void {
  const command = withFolder(
    program.command('new').argument('<name>', 'what the migration does, in a few words: add_email'),
  )
    .description('Writes a file with the next number in the folder. Creates the folder if it is missing.')
    .option(
      '--timestamp',
      'use the time (UTC) as the number, for folders with several authors (default if the folder already does)',
    )
    .option(
      '--repeatable',
      'create R__name.sql, for a function or view: it is applied again whenever its text changes',
    );
  setAction<Options>(command, (terminal, options, name, folder) => {
    const file = join(folder!, buildFileName(name!, options, listExistingFiles(folder!), new Date()));
    // This never overwrites an existing file.
    writeNewFile(folder!, file, options.repeatable ? REPEATABLE_TEMPLATE : VERSIONED_TEMPLATE);
    if (terminal.json) printJson(terminal, { file });
    else terminal.out.line(`${file}\nFill it in, then run \`trueup check\`.`);
    return EXIT.ok;
  });
}

function listExistingFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  requireFolder(folder);
  return readdirSync(folder);
}

/**
 * Writes a new file, and creates the folder if it is missing.
 * @throws {UsageError} if the file exists or cannot be written
 */
function writeNewFile(folder: string, file: string, text: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new UsageError(`${file} already exists`, 'Choose another name, or edit that file.');
    throw new UsageError(`${file} cannot be written (${code})`, 'Give a writable folder.');
  }
}

/**
 * Returns the name of the new file, e.g. `0004_add_email.sql`, numbered the way the folder's other files are.
 * @throws {UsageError} if `check` would reject the name
 */
export function buildFileName(name: string, options: Options, files: readonly string[], now: Date): string {
  const file = buildNextName(name, options, files, now);
  const source = new Source(file, '');
  readFileName(source);
  const [problem] = source.problems;
  if (problem) throw new UsageError(`${file} is not a valid name: ${problem.message}`, problem.remedy);
  return file;
}

function buildNextName(name: string, options: Options, files: readonly string[], now: Date): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/\.sql$/i, '')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/[^A-Za-z0-9_]/g, '')
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  if (slug === '')
    throw new UsageError(
      `\`${name}\` has no letter or digit`,
      'Describe the migration in a few words: add_email.',
    );
  if (options.repeatable) return `R__${slug}.sql`;
  const versions = files.flatMap((file) => /^(\d+)_.*\.sql$/.exec(file)?.[1] ?? []);
  const newest = versions.sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)).at(-1);
  if (options.timestamp || newest?.length === 14) return `${formatTimestamp(now)}_${slug}.sql`;
  const next = newest === undefined ? 1n : BigInt(newest) + 1n;
  return `${String(next).padStart(newest?.length ?? 4, '0')}_${slug}.sql`;
}

/** Formats a time as `20261121091530` (UTC). */
const formatTimestamp = (now: Date): string => now.toISOString().replace(/\D/g, '').slice(0, 14);

// The text of new files. Its sections hold only comments, so `check` rejects a file that was not filled in.

const VERIFY_TEMPLATE = `-- migrate:verify
-- The checks: queries that return what is still wrong, one sentence a row; no row means verified. They run before the
-- commit, and again with every \`trueup verify\`. Functions in schema trueup do the usual checks in one line.`;

const VERSIONED_TEMPLATE = `-- Describe the purpose of this migration here, in one sentence.

-- migrate:up
-- The change. BEGIN and COMMIT are not needed: it runs in one transaction as far as PostgreSQL allows. Statements such
-- as CREATE INDEX CONCURRENTLY run without one.
-- ALTER TABLE customers ALTER COLUMN id SET DEFAULT gen_random_uuid();

${VERIFY_TEMPLATE}
-- SELECT trueup.col_default_is('customers', 'id', 'gen_random_uuid()');

-- Two more sections are optional. SQL that undoes it, for \`trueup down\` and a deployment that is rolled back:
--   -- migrate:down
--   ALTER TABLE customers ALTER COLUMN id DROP DEFAULT;
-- And queries that return the reasons why this cannot work on the data as it is, one sentence a row:
--   -- migrate:preflight
--   SELECT format('%s customers share an e-mail', count(*)) FROM ... HAVING count(*) > 0;
`;

const REPEATABLE_TEMPLATE = `-- Describe the purpose here, in one sentence. This file is applied again whenever its text changes.

-- migrate:up
-- CREATE OR REPLACE FUNCTION customer_name(customer uuid) RETURNS text ...;

${VERIFY_TEMPLATE}
-- SELECT trueup.has_function('customer_name', ARRAY['uuid']);
`;
