/** What an entry's file is called in our form. Pure. */
import { readFileName } from '../compiler/read/file-name';
import { Source } from '../compiler/read/source';
import type { Entry } from './entry';

const LONGEST = 100;

const slugOf = (text: string): string =>
  text
    .replace(/\.sql$/i, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[_.-]+|[_.-]+$/g, '') || 'migration';

/**
 * The tool's own names where they keep the tool's order as numbers, so that its ledger goes on to know the files; else
 * numbers of ours. Drizzle 0.x knows a file by a time: then that is its number.
 */
export function ourNames(entries: readonly Entry[]): readonly string[] {
  const versioned = entries.filter(({ repeatable }) => !repeatable);
  const own = versioned.some(({ when }) => when !== undefined) ? byTime(versioned) : versioned.map(kept);
  const names = isInOrder(own)
    ? own
    : versioned.map(({ words }, i) => numbered(String(i + 1).padStart(4, '0'), words));
  const of = new Map(versioned.map((entry, i) => [entry, names[i]!]));
  return entries.map((entry) => of.get(entry) ?? `R__${slugOf(entry.name)}`.slice(0, LONGEST));
}

/** The name as it is, where that is one of ours. */
function kept({ name, version, words }: Entry): string {
  const source = new Source(`${name}.sql`, '');
  const read = readFileName(source);
  return read?.version === version && version !== '' ? name : numbered(version, words);
}

const numbered = (version: string, words: string): string =>
  `${version}_${slugOf(words)}`.slice(0, LONGEST).replace(/[_.-]+$/, '');

/** One second later where two would be the same, or the journal's order is another one. */
function byTime(entries: readonly Entry[]): string[] {
  let last = Number.NEGATIVE_INFINITY;
  return entries.map(({ when, words }) => {
    last = Math.max(Math.floor((when ?? 0) / 1_000), last + 1);
    return numbered(new Date(last * 1_000).toISOString().replace(/\D/g, '').slice(0, 14), words);
  });
}

function isInOrder(names: readonly string[]): boolean {
  const numbers = names.map((name) => /^\d+/.exec(name)?.[0]);
  return numbers.every(
    (number, i) => number !== undefined && (i === 0 || BigInt(numbers[i - 1]!) < BigInt(number)),
  );
}
