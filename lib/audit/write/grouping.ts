/**
 * Groups repair steps into files: everything of a table that shares a transaction, its indexes, the foreign keys of a
 * schema, functions, views. A step with an open decision or a consent gets a separate file. Pure.
 */
import type { Reference } from '../../../lambda/audit/catalog/kind';
import { joinKey } from '../../../lambda/audit/names';
import { listQualifiedNames } from './names';
import { findPredecessors } from './order';
import type { Phase, RepairStep } from './repair-step';

/** Steps that always stay in one file. */
export interface FileUnit {
  readonly group: string;
  readonly parts: readonly RepairStep[];
}

export interface GroupedFile {
  readonly units: readonly FileUnit[];
  /** Title of a file with several units. */
  readonly title: string;
}

/** Returns the family of a table. Tables that inherit from each other, or are partitions of one table, share a family. */
export type FamilyResolver = (table: Reference) => string;

/** Phases that may share the file of a table: one transaction, plus separate statements such as VALIDATE CONSTRAINT. */
const TABLE_PHASES: readonly Phase[] = [
  'table',
  'column',
  'generated column',
  'not null',
  'default',
  'sequence position',
  'constraint',
  'trigger',
  'policy',
  'row security',
  'replica identity',
  'comment',
];

/** Phases that other steps of the table depend on. */
const STRUCTURE_PHASES: readonly Phase[] = [
  'table',
  'column',
  'column type',
  'generated column',
  'not null',
  'default',
  'sequence position',
  'constraint',
  'rename',
];

/** Phases whose objects other steps need without naming them. */
const UNNAMED_PHASES: readonly Phase[] = ['schema', 'extension', 'collation', 'type'];

/** Phases that are collected in one file, with its title. */
const SHARED_FILE_TITLES: Readonly<Partial<Record<Phase, string>>> = {
  schema: 'schemas',
  type: 'types',
  sequence: 'sequences',
  function: 'functions',
  view: 'views',
  comment: 'comments',
};

/** Maximum number of foreign keys in a file. A longer file is hard to read, and its deployment hard to follow. */
const MAX_FOREIGN_KEYS = 50;

interface PlacedUnit extends FileUnit {
  readonly phases: ReadonlySet<Phase>;
  readonly key: string | null;
  readonly title: string;
  readonly family: string | null;
  /** Families of tables that its statements name. */
  readonly touches: ReadonlySet<string>;
  readonly isChecked: boolean;
  /** Whether it has comments on objects of the table, such as indexes, which must exist before. */
  readonly isOnOthers: boolean;
}

/** Groups units into files. Each file comes after all files that it depends on. */
export function groupFilesByTable(
  units: readonly FileUnit[],
  findFamily: FamilyResolver,
): readonly GroupedFile[] {
  const all = units.flatMap(({ parts }) => parts);
  const order = new Map(all.map((part, i) => [part, i]));
  const needs = findPredecessors(all);
  const needed = ({ parts }: FileUnit): ReadonlySet<RepairStep> =>
    new Set(
      parts.flatMap((part) =>
        [...(needs.get(part) ?? [])].filter((other) => order.get(other)! < order.get(part)!),
      ),
    );
  const files: { key: string | null; units: PlacedUnit[] }[] = [];
  for (const unit of units) {
    const placed = placeUnit(unit, findFamily);
    const before = needed(unit);
    const at = files.findLastIndex(({ key: of }) => of !== null && of === placed.key);
    const isFree =
      at >= 0 &&
      fitsInFile(files[at]!.units, placed) &&
      files.slice(at + 1).every((file) => file.units.every((other) => !mustFollow(placed, other, before)));
    if (isFree) files[at]!.units.push(placed);
    else files.push({ key: placed.key, units: [placed] });
  }
  return files.map(({ units: own }) => ({ units: own, title: own[0]!.title }));
}

function placeUnit(unit: FileUnit, findFamily: FamilyResolver): PlacedUnit {
  const { parts } = unit;
  const phases = new Set(parts.map(({ phase }) => phase));
  const tables = new Map(parts.map(({ table }) => [table ? joinKey(table.schema, table.name) : '', table]));
  const [table] = tables.size === 1 ? [...tables.values()] : [undefined];
  const isPlain = parts.every(
    ({ decide = [], consents = {} }) => decide.length === 0 && Object.keys(consents).length === 0,
  );
  const [named, title] = isPlain ? buildFileKey(phases, table) : [null, ''];
  const names = parts.flatMap(({ up }) => [...listQualifiedNames(up.join('\n'))]);
  return {
    ...unit,
    phases,
    key: named,
    title,
    family: table ? findFamily(table) : null,
    touches: new Set([
      ...names.map(([schema, name]) => findFamily({ schema, name })),
      ...(table ? [findFamily(table)] : []),
    ]),
    isChecked: parts.some(({ preflight = [] }) => preflight.length > 0),
    isOnOthers: parts.some(
      ({ phase, up }) => phase === 'comment' && up.some((each) => !/^COMMENT ON (TABLE|COLUMN) /.test(each)),
    ),
  };
}

function buildFileKey(
  phases: ReadonlySet<Phase>,
  table: Reference | undefined,
): readonly [string | null, string] {
  const [phase] = phases.size === 1 ? [...phases] : [undefined];
  if (table && [...phases].every((each) => TABLE_PHASES.includes(each)))
    return [joinKey('table', table.schema, table.name), `table ${table.name}`];
  if (table && phase === 'index')
    return [joinKey('indexes', table.schema, table.name), `indexes of ${table.name}`];
  if (table && phase === 'foreign key')
    return [joinKey('keys', table.schema), `foreign keys of ${table.schema}`];
  const together = phase === undefined ? undefined : SHARED_FILE_TITLES[phase];
  return together === undefined ? [null, ''] : [together, together];
}

/** A preflight section runs before the file's `up`, so it cannot query tables and columns that the file creates. */
function fitsInFile(units: readonly PlacedUnit[], unit: PlacedUnit): boolean {
  if (unit.phases.has('foreign key')) return units.length < MAX_FOREIGN_KEYS;
  return (
    !unit.isChecked ||
    units.every(
      ({ phases }) => !['table', 'column', 'generated column'].some((each) => phases.has(each as Phase)),
    )
  );
}

const hasAny = (phases: ReadonlySet<Phase>, some: readonly Phase[]): boolean =>
  some.some((each) => phases.has(each));

/** @param needed steps that create objects which the unit's statements name */
function mustFollow(unit: PlacedUnit, other: PlacedUnit, needed: ReadonlySet<RepairStep>): boolean {
  if (other.parts.some((part) => needed.has(part))) return true;
  if (unit.family === null || unit.phases.has('foreign key'))
    return ![...other.phases].every((each) => unit.phases.has(each));
  if (hasAny(other.phases, UNNAMED_PHASES)) return true;
  if (!other.touches.has(unit.family)) return false;
  return (
    hasAny(other.phases, STRUCTURE_PHASES) ||
    unit.isOnOthers ||
    (unit.phases.has('replica identity') && other.phases.has('index')) ||
    (unit.phases.has('row security') && other.phases.has('policy'))
  );
}
