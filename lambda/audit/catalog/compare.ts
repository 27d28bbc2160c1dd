/** Keys and definitions by which objects of two catalogs are compared. Pure. */
import { type Catalog, OBJECT_KINDS } from '.';

export type CatalogObject<K extends keyof Catalog> = Catalog[K][number];

const toFields = (object: object): Readonly<Record<string, unknown>> =>
  object as Readonly<Record<string, unknown>>;

/** Returns the key of an object. It is the same in every database that has an object of this kind and name. */
export const buildObjectKey = <K extends keyof Catalog>(kind: K, object: CatalogObject<K>): string =>
  JSON.stringify(
    (OBJECT_KINDS[kind].namedBy as readonly string[]).map((field) => toFields(object)[field] ?? null),
  );

/**
 * Returns an object's fields except its name, as text. On servers of one major version, two objects are equal if their
 * definitions are. Different major versions may write the same definition differently.
 */
export function serializeDefinition<K extends keyof Catalog>(kind: K, object: CatalogObject<K>): string {
  const names = OBJECT_KINDS[kind].namedBy as readonly string[];
  return JSON.stringify(Object.entries(toFields(object)).filter(([field]) => !names.includes(field)));
}
