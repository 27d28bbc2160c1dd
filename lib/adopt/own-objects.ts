/** What is left out of a comparison: the tool's own, and what a hosted service keeps for itself. Pure. */
import type { Catalogue } from '../../lambda/audit/catalogue';
import { path } from '../../lambda/audit/names';
import { SERVICE_SCHEMAS, TELLING_SCHEMAS } from '../../lambda/engine/services';

export interface LeftOut {
  readonly schemas: ReadonlySet<string>;
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  /** The role that the files run as: on a server of our own it owns all, and needs no grant. @default - none */
  readonly owner?: string;
}

/** Its services' schemas, where it looks like Supabase's; an application may have a schema `auth` of its own. */
export const serviceSchemasIn = ({ schemas }: Pick<Catalogue, 'schemas'>): readonly string[] => {
  const names = schemas.map(({ name }) => name);
  const isSupabase = TELLING_SCHEMAS.every((name) => names.includes(name));
  return isSupabase ? names.filter((name) => SERVICE_SCHEMAS.includes(name)) : [];
};

interface Located {
  readonly schema?: string;
  readonly table?: string;
  readonly name?: string;
  readonly on?: string;
  readonly grantee?: string;
  readonly object?: string;
  readonly ownedBy?: { readonly schema: string; readonly table: string };
}

/** Also without what belongs to the database or the server, not to a folder of migrations: settings, locale, event triggers. */
export function without(catalogue: Catalogue, { schemas, tables, owner }: LeftOut): Catalogue {
  const paths = [
    ...[...schemas].map((schema) => path(schema)),
    ...tables.map(({ schema, name }) => path(schema, name)),
  ];
  const isTable = (schema: string | undefined, name: string | undefined): boolean =>
    tables.some((table) => table.schema === schema && table.name === name);
  const isKept =
    (kind: keyof Catalogue) =>
    (object: object): boolean => {
      const { schema, table, name, on, object: text, ownedBy, grantee } = object as Located;
      if (kind === 'grants' && owner !== undefined && grantee === owner) return false;
      if (kind === 'schemas' || (kind === 'grants' && on === 'schema')) return !schemas.has(name ?? '');
      if (kind === 'grants' && on === 'database') return false;
      if (kind === 'comments') return !paths.some((each) => mentions(text ?? '', each));
      if (schema !== undefined && schemas.has(schema)) return false;
      return !isTable(schema, table ?? name) && !(ownedBy && isTable(ownedBy.schema, ownedBy.table));
    };
  const kept = Object.entries(catalogue).map(([kind, list]) => [
    kind,
    kind === 'database' ? list : (list as readonly object[]).filter(isKept(kind as keyof Catalogue)),
  ]);
  return { ...(Object.fromEntries(kept) as Catalogue), settings: [], eventTriggers: [], others: [] };
}

const mentions = (text: string, each: string): boolean =>
  text === each ||
  text.startsWith(`${each}.`) ||
  text.includes(` on ${each}.`) ||
  text.endsWith(` on ${each}`);
