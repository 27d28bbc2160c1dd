/** What the applied migrations make, compared with what the database has, in both directions. Pure. */
import type { Catalogue } from '../../lambda/audit/catalogue';
import { compare } from '../../lambda/audit/compare';
import type { Difference } from '../../lambda/audit/compare/difference';
import { key, namesIn } from '../../lambda/audit/names';
import type { NotSeen } from '../../lambda/audit/not-seen';
import type { Entry } from './entry';
import { type LeftOut, without } from './own-objects';

/**
 * - `missing`: the applied migrations make it, and the database has it not
 * - `different`: both have it, not alike
 * - `extra`: the database has it, and no applied migration makes it
 */
export type ProofKind = 'missing' | 'different' | 'extra';

export interface ProofFinding {
  readonly kind: ProofKind;
  /** What it is about, as an audit calls it: `index-lost`. */
  readonly id: Difference['id'];
  readonly object: string;
  readonly message: string;
  /** As the migrations make it; null where they do not. */
  readonly migrations: string | null;
  /** As the database has it; null where it has none. */
  readonly database: string | null;
  /** Key of the first migration that names it. @default - none does */
  readonly entry?: string;
}

export interface Proof {
  readonly findings: readonly ProofFinding[];
  readonly notSeen: readonly NotSeen[];
  /** Objects of the migrations, and of the database, that were compared. */
  readonly compared: { readonly migrations: number; readonly database: number };
}

export interface ProofInput {
  /** What the scratch server has after the applied migrations. */
  readonly replayed: Catalogue;
  readonly live: Catalogue;
  readonly leftOut: LeftOut;
  /** Those that were replayed. */
  readonly entries: readonly Entry[];
  /** Words of what could not be replayed: what they name is not judged. */
  readonly doubtful: ReadonlySet<string>;
}

/** A server of our own has its own. */
const OF_THE_SERVER = new Set<string>(['locale-changed', 'collation-lost', 'extension-schema']);

export function prove({ replayed, live, leftOut, entries, doubtful }: ProofInput): Proof {
  const [ours, theirs] = [without(replayed, leftOut), without(live, leftOut)];
  const there = compare(ours, theirs);
  const back = compare(theirs, ours);
  const known = new Set(there.differences.map(identity));
  const all: ProofFinding[] = [
    ...there.differences.map((each) => asPromised(each, entries)),
    ...back.differences.filter((each) => !known.has(identity(each))).map(beyond),
  ];
  const relevant = all.filter(({ id }) => !OF_THE_SERVER.has(id));
  const isDoubtful = ({ object }: ProofFinding): boolean =>
    lastNames(object).some((name) => doubtful.has(name.toLowerCase()));
  const open = relevant.filter((each) => !isDoubtful(each));
  return {
    findings: open.sort(byKind),
    notSeen: [
      ...relevant.filter(isDoubtful).map(({ object, kind }) => ({
        what: `${object} (${kind})`,
        why: 'what could not be replayed names it',
      })),
      ...there.notSeen,
    ],
    compared: { migrations: objectsIn(ours), database: objectsIn(theirs) },
  };
}

const KINDS: readonly ProofKind[] = ['missing', 'different', 'extra'];
const byKind = (a: ProofFinding, b: ProofFinding): number =>
  KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.object < b.object ? -1 : a.object > b.object ? 1 : 0);

const identity = ({ id, object, names = [] }: Difference): string => key(id, object, ...names);

const isGone = ({ id, target }: Difference): boolean =>
  target === null && !/^(row-security-lost|column-type|replica-identity|sequence-too-small)$/.test(id);

/** What the migrations promise. */
function asPromised(difference: Difference, entries: readonly Entry[]): ProofFinding {
  const { id, object, message, source, target, names = [] } = difference;
  const wanted = [...new Set([...lastNames(object), ...names])].map((name) => name.toLowerCase());
  const entry = entries.find(({ sql }) => namesAll(sql ?? '', wanted));
  return {
    kind: isGone(difference) ? 'missing' : 'different',
    id,
    object,
    message: message
      .replaceAll('in the source', 'as the migrations make it')
      .replaceAll('the source', 'what the migrations make'),
    migrations: source,
    database: target,
    ...(entry ? { entry: entry.key } : {}),
  };
}

/** What the database has beyond that: the comparison was asked the other way round. */
function beyond(difference: Difference): ProofFinding {
  const { id, object, source, target } = difference;
  const gone = isGone(difference);
  return {
    kind: gone ? 'extra' : 'different',
    id,
    object,
    message: !gone
      ? `${object} is otherwise in the database than the applied migrations make it.`
      : ITSELF.has(id)
        ? `${object} is in the database, and no applied migration makes it.`
        : `${object} has ${nounOf(id)} in the database that no applied migration makes.`,
    migrations: target,
    database: source,
  };
}

/** The object is what is gone; of others it is the table that had it. */
const ITSELF = new Set<string>([
  'schema-lost',
  'extension-missing',
  'type-lost',
  'table-lost',
  'column-lost',
  'sequence-lost',
  'view-lost',
  'materialized-view-lost',
  'function-lost',
  'publication-lost',
]);

/** What names it, without the schema. */
function lastNames(object: string): readonly string[] {
  const names = namesIn(object.replace(/\(.*$/, ''));
  return names.length > 1 ? names.slice(1) : names;
}

const namesAll = (sql: string, wanted: readonly string[]): boolean => {
  const words = wordsIn(sql);
  return wanted.every((name) => words.has(name));
};

/** Words of a text of SQL, in lower case, those in strings and bodies too. */
export const wordsIn = (sql: string): ReadonlySet<string> =>
  new Set([...sql.matchAll(/[\p{L}_][\p{L}\p{N}_$]*/gu)].map(([word]) => word.toLowerCase()));

const NOUNS: Readonly<Record<string, string>> = {
  'missing-id-default': 'a default',
  'unique-lost': 'a unique key',
  'not-null-lost': 'a NOT NULL',
};

/** `index-lost` to `an index`. */
function nounOf(id: string): string {
  const noun = id.replace(/^missing-|-lost$/g, '').replaceAll('-', ' ');
  return NOUNS[id] ?? `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

const objectsIn = ({ database: _, ...lists }: Catalogue): number =>
  Object.values(lists).reduce((sum, { length }) => sum + length, 0);
