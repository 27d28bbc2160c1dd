/**
 * A snapshot as a file: one JSON object with a line for every object of the database, sorted, so that `git diff` reads
 * well. The same database gives the same bytes, but for the line `taken`.
 */
import { readFileSync } from 'node:fs';
import { type Catalogue, KINDS } from '../../lambda/audit/catalogue';
import { documentOf, linesOf } from './file-lines';
import type { Snapshot } from './snapshot';

export const FORMAT = 'trueup-snapshot';
export const VERSION = 1;

const LISTS = ['positions', 'rows', 'workload', 'notSeen'] as const;

export function writeSnapshot(snapshot: Snapshot): string {
  const names = Object.keys(KINDS) as (keyof Catalogue)[];
  const catalogue = names.map((name) => `${JSON.stringify(name)}: ${list(snapshot.catalogue[name])}`);
  const parts = [
    `"format": ${JSON.stringify(FORMAT)}`,
    `"version": ${VERSION}`,
    `"taken": ${JSON.stringify(snapshot.taken)}`,
    `"catalogue": {\n${catalogue.join(',\n')}\n}`,
    ...LISTS.map((name) => `${JSON.stringify(name)}: ${list(snapshot[name])}`),
  ];
  return `{\n${parts.join(',\n')}\n}\n`;
}

const list = (objects: readonly object[]): string =>
  objects.length === 0 ? '[]' : `[\n${objects.map((each) => JSON.stringify(each)).join(',\n')}\n]`;

/** The text is no snapshot, or not one that this version reads. */
export class SnapshotProblem extends Error {
  override readonly name = 'SnapshotProblem';
  constructor(
    /** Follows the file's name: `is not JSON`. */
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

const TAKE_AGAIN =
  'Take it again with `trueup snapshot --output FILE`, or restore the file from version control.';

/** @throws {SnapshotProblem} */
export const readSnapshotFile = (file: string): Snapshot => {
  const document = documentOf(linesOf(file));
  return document === null ? readSnapshot(readFileSync(file, 'utf8')) : snapshotIn(document);
};

/** @throws {SnapshotProblem} */
export const readSnapshot = (text: string): Snapshot => snapshotIn(parse(text.replace(/^\uFEFF/, '')));

function snapshotIn(document: unknown): Snapshot {
  if (!isObject(document) || document.format !== FORMAT)
    throw new SnapshotProblem('is not a snapshot of Trueup', 'Give a file that `trueup snapshot` wrote.');
  const { version } = document;
  if (typeof version === 'number' && version > VERSION)
    throw new SnapshotProblem(
      `has format ${version}, and this version of Trueup reads up to ${VERSION}`,
      'Use the version of Trueup that wrote it, or a later one.',
    );
  if (version !== VERSION) throw damaged('its "version" is none');
  requireParts(document);
  return document as unknown as Snapshot;
}

function parse(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    // The parser's words quote the text.
    const head = source.trimStart();
    if (head === '') throw new SnapshotProblem('is empty', TAKE_AGAIN);
    const begins = head.startsWith('{') && head.slice(0, 200).includes(`"${FORMAT}"`);
    if (begins && !source.trimEnd().endsWith('\n}'))
      throw new SnapshotProblem('is cut off: the end of the snapshot is missing', TAKE_AGAIN);
    if (begins) throw damaged('it is not JSON');
    throw new SnapshotProblem(
      'is not JSON, so it is not a snapshot',
      'Give a file that `trueup snapshot` wrote.',
    );
  }
}

const damaged = (why: string): SnapshotProblem =>
  new SnapshotProblem(`is a damaged snapshot: ${why}`, TAKE_AGAIN);

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function requireParts(document: Fields): void {
  if (!isObject(document.taken) || typeof document.taken.at !== 'string') throw damaged('it has no "taken"');
  const { catalogue } = document;
  if (!isObject(catalogue)) throw damaged('it has no "catalogue"');
  for (const [name, { namedBy, always = [] }] of Object.entries(KINDS)) {
    // A grant on a database has no schema: what names an object may be missing there, but is never anything else than text.
    const required = name === 'grants' ? [] : namedBy.filter((field) => NAMES.includes(field));
    requireObjects(
      catalogue[name],
      `catalogue.${name}`,
      (object) =>
        namedBy.every((field) => ['string', 'boolean', 'undefined'].includes(typeof object[field])) &&
        required.every((field) => typeof object[field] === 'string') &&
        always.every((field) => object[field] !== undefined),
    );
  }
  if ((catalogue.database as unknown[]).length !== 1)
    throw damaged('"catalogue.database" has not one object');
  const named = (object: Fields): boolean =>
    typeof object.schema === 'string' && typeof object.name === 'string';
  requireObjects(
    document.positions,
    'positions',
    (each) => named(each) && typeof each.lastValue === 'string',
  );
  requireObjects(document.rows, 'rows', (each) => named(each) && typeof each.rows === 'number');
  requireObjects(
    document.workload,
    'workload',
    (each) => typeof each.text === 'string' && Array.isArray(each.senders),
  );
  requireObjects(
    document.notSeen,
    'notSeen',
    (each) => typeof each.what === 'string' && typeof each.why === 'string',
  );
}

const NAMES: readonly string[] = ['schema', 'table', 'name'];

function requireObjects(value: unknown, name: string, isOne: (object: Fields) => boolean): void {
  if (!Array.isArray(value)) throw damaged(`"${name}" is no list`);
  const wrong = value.findIndex((each) => !isObject(each) || !isOne(each));
  if (wrong >= 0) throw damaged(`item ${wrong + 1} of "${name}" is not what it should be`);
}
