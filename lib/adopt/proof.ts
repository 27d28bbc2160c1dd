/** Compares what the applied migrations create with what the database has, in both directions. Pure. */
import type { Catalog } from '../../lambda/audit/catalog';
import { compareCatalogs } from '../../lambda/audit/compare';
import type { Difference } from '../../lambda/audit/compare/difference';
import { joinKey, parseNames } from '../../lambda/audit/names';
import type { NotCheckedItem } from '../../lambda/audit/not-checked';
import type { MigrationEntry } from './entry';
import { type ExcludedObjects, excludeObjects } from './own-objects';

/**
 * Kind of difference.
 * - `missing`: created by the applied migrations, but not in the database
 * - `different`: in both, with different definitions
 * - `extra`: in the database, but not created by any applied migration
 */
export type ProofKind = 'missing' | 'different' | 'extra';

export interface ProofFinding {
  readonly kind: ProofKind;
  /** Id of the corresponding audit finding, such as `missing-index`. */
  readonly id: Difference['id'];
  readonly object: string;
  readonly message: string;
  /** Definition according to the migrations; `null` if they do not create the object. */
  readonly migrations: string | null;
  /** Definition in the database; `null` if the object is missing there. */
  readonly database: string | null;
  /**
   * Key of the first migration that names the object.
   * @default - none does
   */
  readonly entry?: string;
}

export interface ProofResult {
  readonly findings: readonly ProofFinding[];
  readonly notChecked: readonly NotCheckedItem[];
  /** Number of compared objects on each side. */
  readonly compared: { readonly migrations: number; readonly database: number };
}

export interface ProofInput {
  /** Catalog of the scratch server after it replayed the applied migrations. */
  readonly replayed: Catalog;
  readonly live: Catalog;
  readonly leftOut: ExcludedObjects;
  /** Migrations that were replayed. */
  readonly entries: readonly MigrationEntry[];
  /** Words of the statements that could not be replayed. Objects with these names are reported as not checked. */
  readonly doubtful: ReadonlySet<string>;
}

/**
 * Differences that are ignored because they depend on the server: the scratch server has its own locale and extension
 * schemas.
 */
const SERVER_FINDINGS = new Set<string>(['locale-changed', 'missing-collation', 'extension-schema-changed']);
/**
 * Differences that are ignored because the comparison in the other direction reports the same one: a privilege that
 * only one side grants is missing on the other.
 */
const SYMMETRIC_FINDINGS = new Set<string>(['grant-added']);

export function prove({ replayed, live, leftOut, entries, doubtful }: ProofInput): ProofResult {
  const [ours, theirs] = [excludeObjects(replayed, leftOut), excludeObjects(live, leftOut)];
  const there = compareCatalogs(ours, theirs);
  const back = compareCatalogs(theirs, ours);
  const known = new Set(there.differences.map(buildFindingKey));
  const all: ProofFinding[] = [
    ...there.differences.map((each) => toExpectedFinding(each, entries)),
    ...back.differences.filter((each) => !known.has(buildFindingKey(each))).map(toExtraFinding),
  ];
  const relevant = all.filter(({ id }) => !SERVER_FINDINGS.has(id) && !SYMMETRIC_FINDINGS.has(id));
  const isDoubtful = ({ object }: ProofFinding): boolean =>
    listLastNames(object).some((name) => doubtful.has(name.toLowerCase()));
  const open = relevant.filter((each) => !isDoubtful(each));
  return {
    findings: open.sort(compareByKind),
    notChecked: [
      ...relevant.filter(isDoubtful).map(({ object, kind }) => ({
        what: `${object} (${kind})`,
        why: 'a statement that could not be replayed names it',
      })),
      ...there.notChecked,
    ],
    compared: { migrations: countObjects(ours), database: countObjects(theirs) },
  };
}

const KINDS: readonly ProofKind[] = ['missing', 'different', 'extra'];
const compareByKind = (a: ProofFinding, b: ProofFinding): number =>
  KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.object < b.object ? -1 : a.object > b.object ? 1 : 0);

const buildFindingKey = ({ id, object, names = [] }: Difference): string => joinKey(id, object, ...names);

const isGone = ({ id, target }: Difference): boolean =>
  target === null &&
  !/^(row-security-disabled|column-type-changed|missing-replica-identity|sequence-too-small)$/.test(id);

/** Turns a difference into a finding about an object that the migrations create. */
function toExpectedFinding(difference: Difference, entries: readonly MigrationEntry[]): ProofFinding {
  const { id, object, message, source, target, names = [] } = difference;
  const wanted = [...new Set([...listLastNames(object), ...names])].map((name) => name.toLowerCase());
  const entry = entries.find(({ sql }) => mentionsAll(sql ?? '', wanted));
  return {
    kind: isGone(difference) ? 'missing' : 'different',
    id,
    object,
    message: message
      .replaceAll('in the source', 'according to the migrations')
      .replaceAll('the source', 'the schema of the migrations'),
    migrations: source,
    database: target,
    ...(entry ? { entry: entry.key } : {}),
  };
}

/** Turns a difference of the reverse comparison into a finding about an object that only the database has. */
function toExtraFinding(difference: Difference): ProofFinding {
  const { id, object, source, target } = difference;
  const gone = isGone(difference);
  return {
    kind: gone ? 'extra' : 'different',
    id,
    object,
    message: !gone
      ? `${object} in the database differs from what the applied migrations create.`
      : SELF_NAMED_FINDINGS.has(id)
        ? `${object} is in the database, but no applied migration creates it.`
        : `${object} has ${formatNoun(id)} in the database that no applied migration creates.`,
    migrations: target,
    database: source,
  };
}

/**
 * Kinds whose `object` is the missing object itself. For all other kinds, `object` is the table that the missing object
 * belonged to.
 */
const SELF_NAMED_FINDINGS = new Set<string>([
  'missing-schema',
  'missing-extension',
  'missing-type',
  'missing-table',
  'missing-column',
  'missing-sequence',
  'missing-view',
  'missing-materialized-view',
  'missing-function',
  'missing-publication',
]);

/** Returns the parts of an object's name without its schema. */
function listLastNames(object: string): readonly string[] {
  const names = parseNames(object.replace(/\(.*$/, ''));
  return names.length > 1 ? names.slice(1) : names;
}

const mentionsAll = (sql: string, wanted: readonly string[]): boolean => {
  const words = listWords(sql);
  return wanted.every((name) => words.has(name));
};

/** Returns the words of an SQL text in lower case, including those in strings and function bodies. */
export const listWords = (sql: string): ReadonlySet<string> =>
  new Set([...sql.matchAll(/[\p{L}_][\p{L}\p{N}_$]*/gu)].map(([word]) => word.toLowerCase()));

const NOUNS: Readonly<Record<string, string>> = {
  'missing-primary-key-default': 'a default',
  'missing-unique-index': 'a unique key',
  'missing-not-null': 'a NOT NULL',
};

/** Converts a finding's id to a noun: `missing-index` becomes `an index`. */
function formatNoun(id: string): string {
  const noun = id.replace(/^missing-|-disabled$/g, '').replaceAll('-', ' ');
  return NOUNS[id] ?? `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

const countObjects = ({ database: _, roles: __, ...lists }: Catalog): number =>
  Object.values(lists).reduce((sum, { length }) => sum + length, 0);
