/** What SQLite's names, which mean the same in any case, are called in the target. Pure. */
import type { Catalogue } from '../../../../lambda/audit/catalogue';
import { key } from '../../../../lambda/audit/names';
import type { SqliteSchema } from './schema';

export interface Names {
  /** The schema of the target that has most of the tables. */
  readonly schema: string;
  table(name: string): string;
  column(table: string, name: string): string;
}

/** As it is; in small letters, as pgloader makes it; in small letters with underscores. */
const spellings = (name: string): string[] => [
  name,
  name.toLowerCase(),
  name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase(),
];

/** Of what is missing, the second: nobody would write the first in PostgreSQL. */
const pick = (name: string, has: (name: string) => boolean): string =>
  spellings(name).find(has) ?? name.toLowerCase();

export function namesOf({ tables, views }: SqliteSchema, target: Catalogue): Names {
  const wanted = [...tables, ...views].map(({ name }) => name);
  const relations = new Set([...target.tables, ...target.views].map(({ schema, name }) => key(schema, name)));
  const columns = new Set(target.columns.map((each) => key(each.schema, each.table, each.name)));
  const hits = (schema: string): number =>
    wanted.filter((name) => spellings(name).some((each) => relations.has(key(schema, each)))).length;
  const schemas = ['public', ...target.schemas.map(({ name }) => name)];
  const schema = schemas.reduce((best, each) => (hits(each) > hits(best) ? each : best));
  const table = (name: string): string => pick(name, (each) => relations.has(key(schema, each)));
  return {
    schema,
    table,
    column: (of, name) => pick(name, (each) => columns.has(key(schema, table(of), each))),
  };
}
