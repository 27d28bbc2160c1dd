/**
 * Removes objects from a catalog before it is compared: those of the migration tool, and those of a hosted service.
 * Pure.
 */
import type { Catalog } from '../../lambda/audit/catalog';
import { formatPath } from '../../lambda/audit/names';
import { SERVICE_SCHEMAS, SUPABASE_MARKER_SCHEMAS } from '../../lambda/engine/services';

export interface ExcludedObjects {
  readonly schemas: ReadonlySet<string>;
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  /**
   * Role that runs the migrations. On the scratch server it owns every object and needs no grants, so its grants are
   * not compared.
   * @default - none
   */
  readonly owner?: string;
}

/**
 * Returns the schemas of Supabase's services if the database has the schemas that identify Supabase. A schema named
 * `auth` is not enough: an application may have its own.
 */
export const listServiceSchemas = ({ schemas }: Pick<Catalog, 'schemas'>): readonly string[] => {
  const names = schemas.map(({ name }) => name);
  const isSupabase = SUPABASE_MARKER_SCHEMAS.every((name) => names.includes(name));
  return isSupabase ? names.filter((name) => SERVICE_SCHEMAS.includes(name)) : [];
};

interface LocatedObject {
  readonly schema?: string;
  readonly table?: string;
  readonly name?: string;
  readonly on?: string;
  readonly grantee?: string;
  readonly object?: string;
  readonly ownedBy?: { readonly schema: string; readonly table: string };
}

/**
 * Returns the catalog without the excluded objects. Settings, locale and event triggers are removed as well, since they
 * belong to the database or the server and not to a folder of migrations.
 */
export function excludeObjects(catalog: Catalog, { schemas, tables, owner }: ExcludedObjects): Catalog {
  const paths = [
    ...[...schemas].map((schema) => formatPath(schema)),
    ...tables.map(({ schema, name }) => formatPath(schema, name)),
  ];
  const isTable = (schema: string | undefined, name: string | undefined): boolean =>
    tables.some((table) => table.schema === schema && table.name === name);
  const isKept =
    (kind: keyof Catalog) =>
    (object: object): boolean => {
      const { schema, table, name, on, object: text, ownedBy, grantee } = object as LocatedObject;
      if (kind === 'grants' && owner !== undefined && grantee === owner) return false;
      if (kind === 'schemas' || (kind === 'grants' && on === 'schema')) return !schemas.has(name ?? '');
      if (kind === 'grants' && on === 'database') return false;
      if (kind === 'comments') return !paths.some((each) => mentions(text ?? '', each));
      if (schema !== undefined && schemas.has(schema)) return false;
      return !isTable(schema, table ?? name) && !(ownedBy && isTable(ownedBy.schema, ownedBy.table));
    };
  const kept = Object.entries(catalog).map(([kind, list]) => [
    kind,
    kind === 'database' ? list : (list as readonly object[]).filter(isKept(kind as keyof Catalog)),
  ]);
  return { ...(Object.fromEntries(kept) as Catalog), settings: [], eventTriggers: [], others: [] };
}

const mentions = (text: string, each: string): boolean =>
  text === each ||
  text.startsWith(`${each}.`) ||
  text.includes(` on ${each}.`) ||
  text.endsWith(` on ${each}`);
