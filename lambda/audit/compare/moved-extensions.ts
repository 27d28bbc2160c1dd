/**
 * Two databases that have an extension in two schemas name what it brings in two ways: `extensions.citext`, `public.citext`. That
 * is one finding, of the extension, and not one of each column, index and default. Pure.
 */
import { quoteWhereNeeded } from '../../sql/quote';
import type { Catalogue } from '../catalogue';
import type { Extension } from '../catalogue/extensions';
import { namesIn } from '../names';
import type { Comparison, Lost } from './difference';

/** From one schema to another. */
export interface Move {
  readonly from: Extension;
  readonly to: Extension;
}

/** A catalogue as it would be after some moves. */
export interface Renamed {
  readonly catalogue: Catalogue;
  /** By the object that it was made of, and the other way round. */
  readonly byOriginal: ReadonlyMap<unknown, unknown>;
  readonly originals: ReadonlyMap<unknown, unknown>;
}

export function movesBetween(source: Catalogue, target: Catalogue): readonly Move[] {
  const here = new Map(target.extensions.map((each) => [each.name, each]));
  return source.extensions.flatMap((from) => {
    const to = here.get(from.name);
    return to === undefined || to.schema === from.schema ? [] : [{ from, to }];
  });
}

/** Compares as if nothing had moved but the extensions themselves; the answer has the objects as they are. */
export function comparedWithoutMoves(
  source: Catalogue,
  target: Catalogue,
  compare: (source: Catalogue, target: Catalogue) => Comparison,
): Comparison {
  const moves = movesBetween(source, target);
  if (moves.length === 0) return compare(source, target);
  // Bodies of functions of the target may name the schema of the source.
  const [one, other] = [afterMoves(source, moves), afterMoves(target, moves)];
  const original = <T>(each: T): T =>
    ((one.originals.get(each) ?? other.originals.get(each)) as T | undefined) ?? each;
  const { differences, notSeen } = compare(one.catalogue, other.catalogue);
  return {
    notSeen,
    differences: differences.map((difference) => ({
      ...difference,
      lost: difference.lost.map((each) => withObjects(each, original)),
    })),
  };
}

export const withObjects = (lost: Lost, object: <T>(of: T) => T): Lost =>
  ({ ...lost, from: object(lost.from), ...(lost.to === undefined ? {} : { to: object(lost.to) }) }) as Lost;

/** Extensions stay in the list as they are: each is what its own finding is about. */
export function afterMoves(catalogue: Catalogue, moves: readonly Move[]): Renamed {
  const renames = moves.map(renaming);
  const rename = (text: string): string => renames.reduce((now, each) => each(now), text);
  const byOriginal = new Map<unknown, unknown>();
  const originals = new Map<unknown, unknown>();
  const renamed = (each: unknown): unknown => {
    const copy = copied(each, rename);
    byOriginal.set(each, copy);
    originals.set(copy, each);
    return copy;
  };
  const lists = Object.entries(catalogue).map(([kind, all]) => [
    kind,
    kind === 'extensions' ? all : (all as readonly unknown[]).map(renamed),
  ]);
  return { catalogue: Object.fromEntries(lists) as Catalogue, byOriginal, originals };
}

/** Functions and types by name; classes of operators by what they are called, and operators by how they are written. */
function renaming({ from, to }: Move): (text: string) => string {
  const brought = new Set([...(from.provides ?? []), ...(to.provides ?? [])]);
  const schema = quoteWhereNeeded(from.schema).replace(/[$^.*+?()[\]{}|\\]/g, '\\$&');
  const named = new RegExp(`(?<![\\w$".])${schema}\\.("(?:[^"]|"")+"|[A-Za-z_][\\w$]*)`, 'g');
  const operator = new RegExp(`\\bOPERATOR\\(${schema}\\.`, 'g');
  const now = quoteWhereNeeded(to.schema);
  const isBrought = (name: string): boolean => brought.has(name) || name.endsWith('_ops');
  return (text) =>
    text
      .replace(named, (whole, name: string) =>
        isBrought(namesIn(name)[0] ?? name) ? `${now}.${name}` : whole,
      )
      .replace(operator, `OPERATOR(${now}.`);
}

function copied(value: unknown, rename: (text: string) => string): unknown {
  if (typeof value === 'string') {
    // A body is text that somebody wrote, and stays as it is.
    const body = value.search(/\nAS \$/);
    return body < 0 ? rename(value) : rename(value.slice(0, body)) + value.slice(body);
  }
  if (Array.isArray(value)) return value.map((each) => copied(each, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copied(each, rename)]));
}
