/** Two catalogues object by object. Pure. */
import { type Catalogue, KINDS } from '.';

export type ObjectOf<K extends keyof Catalogue> = Catalogue[K][number];

const fieldsOf = (object: object): Readonly<Record<string, unknown>> =>
  object as Readonly<Record<string, unknown>>;

/** One text for each object of a kind; the same in every database that has one of this name. */
export const keyOf = <K extends keyof Catalogue>(kind: K, object: ObjectOf<K>): string =>
  JSON.stringify((KINDS[kind].namedBy as readonly string[]).map((field) => fieldsOf(object)[field] ?? null));

/**
 * What it is, without its name. On servers of one major two objects are equal when this is; between majors the server
 * writes the same definition differently.
 */
export function definitionOf<K extends keyof Catalogue>(kind: K, object: ObjectOf<K>): string {
  const names = KINDS[kind].namedBy as readonly string[];
  return JSON.stringify(Object.entries(fieldsOf(object)).filter(([field]) => !names.includes(field)));
}
