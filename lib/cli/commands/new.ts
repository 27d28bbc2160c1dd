import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { setAction } from '../action';
import { EXIT } from '../exit-codes';
import { UsageError } from '../failure';
import { requireFolder } from '../folder';
import { printJson } from '../json';
import { REPEATABLE_TEMPLATE, VERSIONED_TEMPLATE } from '../new-template';
import { withFolder } from '../options';
import type { GlobalOptions } from '../terminal';

interface Options extends GlobalOptions {
  readonly timestamp?: boolean;
  readonly repeatable?: boolean;
}

export function registerNew(program: Command): void {
  const command = withFolder(
    program
      .command('new')
      .summary('begin a migration: a file with a template that explains itself')
      .argument('<name>', 'what it does, in a few words: add_email'),
  )
    .description('Writes a file with the next number of the folder. The folder is made where it is missing.')
    .option(
      '--timestamp',
      'number it by the time (UTC), as the folder does already or several people work at once',
    )
    .option('--repeatable', 'R__name.sql: a function or view, applied again whenever its text changes');
  setAction<Options>(command, (terminal, options, name, folder) => {
    const file = join(folder!, fileName(name!, options, existing(folder!), new Date()));
    try {
      // Never over an existing file.
      writeFileSync(file, options.repeatable ? REPEATABLE_TEMPLATE : VERSIONED_TEMPLATE, { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new UsageError(`${file} exists already`, 'Choose another name, or edit that file.');
    }
    if (terminal.json) printJson(terminal, { file });
    else terminal.out.line(`${file}\nFill it in, then run \`trueup check\`.`);
    return EXIT.ok;
  });
}

function existing(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  requireFolder(folder);
  return readdirSync(folder);
}

/** `0004_add_email.sql`: the folder's way of numbering is kept. */
export function fileName(name: string, options: Options, files: readonly string[], now: Date): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/\.sql$/i, '')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/[^A-Za-z0-9_]/g, '')
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  if (slug === '') throw new UsageError(`\`${name}\` has no letter or digit`, 'Say what it does: add_email.');
  if (options.repeatable) return `R__${slug}.sql`;
  const versions = files.flatMap((file) => /^(\d+)_.*\.sql$/.exec(file)?.[1] ?? []);
  const newest = versions.sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)).at(-1);
  if (options.timestamp || newest?.length === 14) return `${timestamp(now)}_${slug}.sql`;
  const next = newest === undefined ? 1n : BigInt(newest) + 1n;
  return `${String(next).padStart(newest?.length ?? 4, '0')}_${slug}.sql`;
}

/** `20261121091530` */
const timestamp = (now: Date): string => now.toISOString().replace(/\D/g, '').slice(0, 14);
