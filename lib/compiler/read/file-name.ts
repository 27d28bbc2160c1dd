/** The parts of a migration's file name. */
import type { Source } from './source';

export interface FileName {
  readonly name: string;
  readonly kind: 'versioned' | 'repeatable';
  /** Digits as in the name; empty for a repeatable migration. */
  readonly version: string;
}

/** CloudFormation properties contain names (the newest twenty), and so does every message. */
const MAX_NAME_LENGTH = 100;
const FILE_NAME_FORMAT =
  'Write `<number>_<words>.sql` for a versioned migration (`0007_order_totals.sql`, `20260131093000_order_totals.sql`) ' +
  'or `R__<words>.sql` for a repeatable one; words are letters A to Z, digits, `_`, `-` and `.`.';

export function readFileName(source: Source): FileName | undefined {
  const { file } = source;
  const refuse = (why: string, remedy: string): undefined => source.report(null, why, remedy) as undefined;
  if (!file.endsWith('.sql'))
    return refuse('the name does not end in lower-case `.sql`', 'Rename it to `.sql`.');
  const name = file.slice(0, -'.sql'.length);
  if (name.length > MAX_NAME_LENGTH)
    return refuse(`the name has more than ${MAX_NAME_LENGTH} characters`, 'Shorten it.');
  if (/^R__[A-Za-z0-9][\w.-]*$/.test(name)) return { name, kind: 'repeatable', version: '' };
  // dbmate accepts digits followed by anything.
  const version = /^(\d+)(?:[_.-][\w.-]*)?$/.exec(name)?.[1];
  if (version !== undefined) return { name, kind: 'versioned', version };
  if (/^r_/i.test(name)) return refuse('the name is not that of a repeatable migration', FILE_NAME_FORMAT);
  if (!/^\d/.test(name)) return refuse('the name has no number', FILE_NAME_FORMAT);
  return refuse('the number in the name is malformed', FILE_NAME_FORMAT);
}

/** Compares by the order in which migrations are applied: versioned ones by number, then repeatable ones by name. */
export function compareFileNames(a: FileName, b: FileName): number {
  if (a.kind !== b.kind) return a.kind === 'versioned' ? -1 : 1;
  if (a.kind === 'repeatable') return a.name < b.name ? -1 : 1;
  const [x, y] = [BigInt(a.version), BigInt(b.version)];
  return x < y ? -1 : x > y ? 1 : a.name < b.name ? -1 : 1;
}
