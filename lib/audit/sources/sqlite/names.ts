/** Maps SQLite's case-insensitive names to those of the target. Pure. */
import type { Catalog } from '../../../../lambda/audit/catalog';
import { joinKey } from '../../../../lambda/audit/names';
import type { SqliteSchema } from './schema';

export interface NameMapping {
  /** Schema of the target that contains most of the tables. */
  readonly schema: string;
  table(name: string): string;
  column(table: string, name: string): string;
}

/**
 * Returns the possible spellings of a name: unchanged, in lower case as pgloader writes it, and in lower case with
 * underscores.
 */
const listSpellings = (name: string): string[] => [
  name,
  name.toLowerCase(),
  name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase(),
];

/** Returns the spelling that the target has. A missing name is returned in lower case, as is usual in PostgreSQL. */
const pickName = (name: string, has: (name: string) => boolean): string =>
  listSpellings(name).find(has) ?? name.toLowerCase();

export function mapNames({ tables, views }: SqliteSchema, target: Catalog): NameMapping {
  const wanted = [...tables, ...views].map(({ name }) => name);
  const relations = new Set(
    [...target.tables, ...target.views].map(({ schema, name }) => joinKey(schema, name)),
  );
  const columns = new Set(target.columns.map((each) => joinKey(each.schema, each.table, each.name)));
  const hits = (schema: string): number =>
    wanted.filter((name) => listSpellings(name).some((each) => relations.has(joinKey(schema, each)))).length;
  const schemas = ['public', ...target.schemas.map(({ name }) => name)];
  const schema = schemas.reduce((best, each) => (hits(each) > hits(best) ? each : best));
  const table = (name: string): string => pickName(name, (each) => relations.has(joinKey(schema, each)));
  return {
    schema,
    table,
    column: (of, name) => pickName(name, (each) => columns.has(joinKey(schema, table(of), each))),
  };
}
