/** Chooses the file name of each converted entry. Pure. */
import { readFileName } from '../compiler/read/file-name';
import { Source } from '../compiler/read/source';
import type { MigrationEntry } from './entry';

const MAX_NAME_LENGTH = 100;

const toSlug = (text: string): string =>
  text
    .replace(/\.sql$/i, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[_.-]+|[_.-]+$/g, '') || 'migration';

/**
 * Returns the file names for the entries, without `.sql`. The tool's own names are kept if their numbers are in the
 * tool's order, so that its ledger still identifies the files; if not, the files are numbered from 0001. Drizzle 0.x
 * identifies a file by a time, so that time becomes the number.
 */
export function buildFileNames(entries: readonly MigrationEntry[]): readonly string[] {
  const versioned = entries.filter(({ repeatable }) => !repeatable);
  const own = versioned.some(({ when }) => when !== undefined)
    ? numberByTime(versioned)
    : versioned.map(keepName);
  const names = isInOrder(own)
    ? own
    : versioned.map(({ words }, i) => buildNumberedName(String(i + 1).padStart(4, '0'), words));
  const of = new Map(versioned.map((entry, i) => [entry, names[i]!]));
  return entries.map((entry) => of.get(entry) ?? `R__${toSlug(entry.name)}`.slice(0, MAX_NAME_LENGTH));
}

/** Returns the entry's own name if it is a valid Trueup file name. */
function keepName({ name, version, words }: MigrationEntry): string {
  const source = new Source(`${name}.sql`, '');
  const read = readFileName(source);
  return read?.version === version && version !== '' ? name : buildNumberedName(version, words);
}

const buildNumberedName = (version: string, words: string): string =>
  `${version}_${toSlug(words)}`.slice(0, MAX_NAME_LENGTH).replace(/[_.-]+$/, '');

/**
 * Numbers the entries by their times. An entry whose time is not later than that of the one before it is moved to one
 * second after that, which keeps the journal's order and makes the numbers unique.
 */
function numberByTime(entries: readonly MigrationEntry[]): string[] {
  let last = Number.NEGATIVE_INFINITY;
  return entries.map(({ when, words }) => {
    last = Math.max(Math.floor((when ?? 0) / 1_000), last + 1);
    return buildNumberedName(new Date(last * 1_000).toISOString().replace(/\D/g, '').slice(0, 14), words);
  });
}

function isInOrder(names: readonly string[]): boolean {
  const numbers = names.map((name) => /^\d+/.exec(name)?.[0]);
  return numbers.every(
    (number, i) => number !== undefined && (i === 0 || BigInt(numbers[i - 1]!) < BigInt(number)),
  );
}
