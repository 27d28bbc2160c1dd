/**
 * Compares databases that have the same extension in different schemas, as in `extensions.citext` and `public.citext`.
 * The move is reported once, for the extension, not for each column, index and default that uses it. Pure.
 */
import { quoteIfNeeded } from '../../sql/quote';
import type { Catalog } from '../catalog';
import type { Extension } from '../catalog/extensions';
import { parseNames } from '../names';
import type { Comparison, LostObject } from './difference';

/** An extension that is in different schemas in the two databases. */
export interface ExtensionMove {
  readonly from: Extension;
  readonly to: Extension;
}

/** The catalog as it would be after some extensions moved to another schema. */
export interface RenamedCatalog {
  readonly catalog: Catalog;
  /** Renamed copies by the original object. `originals` is the reverse. */
  readonly byOriginal: ReadonlyMap<unknown, unknown>;
  readonly originals: ReadonlyMap<unknown, unknown>;
}

function findExtensionMoves(source: Catalog, target: Catalog): readonly ExtensionMove[] {
  const here = new Map(target.extensions.map((each) => [each.name, each]));
  return source.extensions.flatMap((from) => {
    const to = here.get(from.name);
    return to === undefined || to.schema === from.schema ? [] : [{ from, to }];
  });
}

/**
 * Compares as if all extensions were in the same schemas; only the extensions themselves are reported as moved. The
 * result refers to the original objects.
 */
export function compareWithoutMoves(
  source: Catalog,
  target: Catalog,
  compare: (source: Catalog, target: Catalog) => Comparison,
): Comparison {
  const moves = findExtensionMoves(source, target);
  if (moves.length === 0) return compare(source, target);
  // Function bodies of the target may still name the extension's schema in the source, so both sides are renamed.
  const [one, other] = [applyMoves(source, moves), applyMoves(target, moves)];
  const original = <T>(each: T): T =>
    ((one.originals.get(each) ?? other.originals.get(each)) as T | undefined) ?? each;
  const { differences, notChecked } = compare(one.catalog, other.catalog);
  return {
    notChecked,
    differences: differences.map((difference) => ({
      ...difference,
      lost: difference.lost.map((each) => mapLostObjects(each, original)),
    })),
  };
}

export const mapLostObjects = (lost: LostObject, object: <T>(of: T) => T): LostObject =>
  ({
    ...lost,
    from: object(lost.from),
    ...(lost.to === undefined ? {} : { to: object(lost.to) }),
  }) as LostObject;

/**
 * Returns the catalog with the extensions' new schemas in all texts. Extensions themselves are not changed, since their
 * own finding needs the original schema.
 */
export function applyMoves(catalog: Catalog, moves: readonly ExtensionMove[]): RenamedCatalog {
  const renames = moves.map(makeRenamer);
  const rename = (text: string): string => renames.reduce((now, each) => each(now), text);
  const byOriginal = new Map<unknown, unknown>();
  const originals = new Map<unknown, unknown>();
  const renamed = (each: unknown): unknown => {
    const copy = copyRenamed(each, rename);
    byOriginal.set(each, copy);
    originals.set(copy, each);
    return copy;
  };
  const lists = Object.entries(catalog).map(([kind, all]) => [
    kind,
    kind === 'extensions' ? all : (all as readonly unknown[]).map(renamed),
  ]);
  return { catalog: Object.fromEntries(lists) as Catalog, byOriginal, originals };
}

/**
 * Returns a function that renames an extension's schema in a text: before its functions and types, before names of
 * operator classes (`…_ops`), and in OPERATOR().
 */
function makeRenamer({ from, to }: ExtensionMove): (text: string) => string {
  const brought = new Set([...(from.provides ?? []), ...(to.provides ?? [])]);
  const schema = quoteIfNeeded(from.schema).replace(/[$^.*+?()[\]{}|\\]/g, '\\$&');
  const named = new RegExp(`(?<![\\w$".])${schema}\\.("(?:[^"]|"")+"|[A-Za-z_][\\w$]*)`, 'g');
  const operator = new RegExp(`\\bOPERATOR\\(${schema}\\.`, 'g');
  const now = quoteIfNeeded(to.schema);
  const isBrought = (name: string): boolean => brought.has(name) || name.endsWith('_ops');
  return (text) =>
    text
      .replace(named, (whole, name: string) =>
        isBrought(parseNames(name)[0] ?? name) ? `${now}.${name}` : whole,
      )
      .replace(operator, `OPERATOR(${now}.`);
}

function copyRenamed(value: unknown, rename: (text: string) => string): unknown {
  if (typeof value === 'string') {
    // A function body is written by the user and stays unchanged.
    const body = value.search(/\nAS \$/);
    return body < 0 ? rename(value) : rename(value.slice(0, body)) + value.slice(body);
  }
  if (Array.isArray(value)) return value.map((each) => copyRenamed(each, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copyRenamed(each, rename)]));
}
