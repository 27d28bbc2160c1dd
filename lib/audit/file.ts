/**
 * Reads and writes snapshot files: one JSON object with a sorted line for every object of the database, so that `git
 * diff` is readable. The same database gives the same bytes, except for the line `taken`.
 */
import { readFileSync } from 'node:fs';
import { type Catalog, OBJECT_KINDS } from '../../lambda/audit/catalog';
import { parseDocument, readLines } from './file-lines';
import type { Snapshot } from './snapshot';

const SNAPSHOT_FORMAT = 'trueup-snapshot';
export const SNAPSHOT_VERSION = 1;

const LIST_FIELDS = ['sequenceValues', 'rows', 'workload', 'notChecked'] as const;

export function writeSnapshot(snapshot: Snapshot): string {
  const names = Object.keys(OBJECT_KINDS) as (keyof Catalog)[];
  const catalog = names.map((name) => `${JSON.stringify(name)}: ${formatList(snapshot.catalog[name])}`);
  const parts = [
    `"format": ${JSON.stringify(SNAPSHOT_FORMAT)}`,
    `"version": ${SNAPSHOT_VERSION}`,
    `"taken": ${JSON.stringify(snapshot.taken)}`,
    `"catalog": {\n${catalog.join(',\n')}\n}`,
    ...LIST_FIELDS.map((name) => `${JSON.stringify(name)}: ${formatList(snapshot[name])}`),
  ];
  return `{\n${parts.join(',\n')}\n}\n`;
}

const formatList = (objects: readonly object[]): string =>
  objects.length === 0 ? '[]' : `[\n${objects.map((each) => JSON.stringify(each)).join(',\n')}\n]`;

/** Reports a file that is not a snapshot, or not one that this version can read. */
export class SnapshotProblem extends Error {
  override readonly name = 'SnapshotProblem';
  constructor(
    /** Predicate that follows the file's name, such as `is not JSON`. */
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

const TAKE_AGAIN_REMEDY =
  'Take it again with `trueup snapshot --output FILE`, or restore the file from version control.';

/** @throws {SnapshotProblem} */
export const readSnapshotFile = (file: string): Snapshot => {
  const document = parseDocument(readLines(file));
  return document === null ? readSnapshot(readFileSync(file, 'utf8')) : validateSnapshot(document);
};

/** @throws {SnapshotProblem} */
export const readSnapshot = (text: string): Snapshot =>
  validateSnapshot(parseJson(text.replace(/^\uFEFF/, '')));

function validateSnapshot(document: unknown): Snapshot {
  if (!isObject(document) || document.format !== SNAPSHOT_FORMAT)
    throw new SnapshotProblem('is not a snapshot of Trueup', 'Give a file written by `trueup snapshot`.');
  const { version } = document;
  if (typeof version === 'number' && version > SNAPSHOT_VERSION)
    throw new SnapshotProblem(
      `has format ${version}, and this version of Trueup reads up to ${SNAPSHOT_VERSION}`,
      'Use the version of Trueup that wrote it, or a later one.',
    );
  if (version !== SNAPSHOT_VERSION) throw makeDamagedProblem('its "version" is invalid');
  requireParts(document);
  return document as unknown as Snapshot;
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    // The parser's message is not used, because it quotes the text.
    const head = source.trimStart();
    if (head === '') throw new SnapshotProblem('is empty', TAKE_AGAIN_REMEDY);
    const begins = head.startsWith('{') && head.slice(0, 200).includes(`"${SNAPSHOT_FORMAT}"`);
    if (begins && !source.trimEnd().endsWith('\n}'))
      throw new SnapshotProblem('is cut off: the end of the snapshot is missing', TAKE_AGAIN_REMEDY);
    if (begins) throw makeDamagedProblem('it is not JSON');
    throw new SnapshotProblem(
      'is not JSON, so it is not a snapshot',
      'Give a file written by `trueup snapshot`.',
    );
  }
}

const makeDamagedProblem = (why: string): SnapshotProblem =>
  new SnapshotProblem(`is a damaged snapshot: ${why}`, TAKE_AGAIN_REMEDY);

type JsonObject = Record<string, unknown>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function requireParts(document: JsonObject): void {
  if (!isObject(document.taken) || typeof document.taken.at !== 'string')
    throw makeDamagedProblem('it has no "taken"');
  const { catalog } = document;
  if (!isObject(catalog)) throw makeDamagedProblem('it has no "catalog"');
  for (const [name, { namedBy, always = [] }] of Object.entries(OBJECT_KINDS)) {
    // A grant on a database has no schema. In grants, a naming field may therefore be missing, but if it is present it
    // must be text.
    const required = name === 'grants' ? [] : namedBy.filter((field) => NAME_FIELDS.includes(field));
    requireObjects(
      catalog[name],
      `catalog.${name}`,
      (object) =>
        namedBy.every((field) => ['string', 'boolean', 'undefined'].includes(typeof object[field])) &&
        required.every((field) => typeof object[field] === 'string') &&
        always.every((field) => object[field] !== undefined),
    );
  }
  if ((catalog.database as unknown[]).length !== 1)
    throw makeDamagedProblem('"catalog.database" must have exactly one object');
  const named = (object: JsonObject): boolean =>
    typeof object.schema === 'string' && typeof object.name === 'string';
  requireObjects(
    document.sequenceValues,
    'sequenceValues',
    (each) => named(each) && typeof each.lastValue === 'string',
  );
  requireObjects(document.rows, 'rows', (each) => named(each) && typeof each.rows === 'number');
  requireObjects(
    document.workload,
    'workload',
    (each) => typeof each.text === 'string' && Array.isArray(each.senders),
  );
  requireObjects(
    document.notChecked,
    'notChecked',
    (each) => typeof each.what === 'string' && typeof each.why === 'string',
  );
}

const NAME_FIELDS: readonly string[] = ['schema', 'table', 'name'];

function requireObjects(value: unknown, name: string, isOne: (object: JsonObject) => boolean): void {
  if (!Array.isArray(value)) throw makeDamagedProblem(`"${name}" is not a list`);
  const wrong = value.findIndex((each) => !isObject(each) || !isOne(each));
  if (wrong >= 0) throw makeDamagedProblem(`item ${wrong + 1} of "${name}" has missing or invalid fields`);
}
