import type { Table } from '../catalogue/tables';
import { list, path, plural } from '../names';
import { type Comparison, type Difference, only } from './difference';
import type { Pair } from './pair';

/** A sentence about a schema that only the target has, with most of the tables: it may be the same one. */
function renamedTo({ source, target }: Pair, tables: readonly Table[]): string {
  const known = new Set(source.schemas.map(({ name }) => name));
  const names = new Set(tables.map(({ name }) => name));
  for (const { name } of target.schemas) {
    if (known.has(name)) continue;
    const alike = target.tables.filter((each) => each.schema === name && names.has(each.name)).length;
    if (alike * 2 > names.size)
      return ` Schema ${path(name)}, which the source has not, has ${alike} of its tables by name: it may be the same schema.`;
  }
  return '';
}

/** Schemas and extensions: what everything else lies in. */
export function compareSchemas(pair: Pair): Comparison {
  const { source, target } = pair;
  const differences: Difference[] = [];
  for (const from of source.schemas) {
    const { name } = from;
    if (pair.hasSchema(name)) continue;
    const tables = source.tables.filter(({ schema }) => schema === name);
    const functions = source.functions.filter(({ schema }) => schema === name);
    differences.push({
      id: 'schema-lost',
      object: path(name),
      message: `Schema ${path(name)} is missing, and all that the source has in it: ${plural(tables.length, 'table')}, ${plural(functions.length, 'function')}.${renamedTo(pair, tables)}`,
      source:
        tables.length === 0
          ? null
          : `Tables: ${list(tables.slice(0, 10).map((each) => each.name))}${tables.length > 10 ? ', …' : ''}`,
      target: null,
      lost: [{ kind: 'schemas', from }],
      names: [name, ...[...tables, ...functions].map((each) => each.name)],
    });
  }
  const here = new Map(target.extensions.map((each) => [each.name, each]));
  for (const from of source.extensions) {
    const { name, schema, version } = from;
    const found = here.get(name);
    if (found === undefined)
      differences.push({
        id: 'extension-missing',
        object: path(name),
        message: `Extension ${path(name)} is missing.`,
        source: `version ${version}, in schema ${path(schema)}`,
        target: null,
        lost: [{ kind: 'extensions', from }],
        names: from.provides ?? [],
      });
    else if (found.schema !== schema)
      differences.push({
        id: 'extension-schema',
        object: path(name),
        message: `Extension ${path(name)} is in schema ${path(found.schema)}; in the source it is in ${path(schema)}.`,
        source: null,
        target: null,
        lost: [{ kind: 'extensions', from, to: found }],
        names: found.provides ?? [],
      });
  }
  return only(differences);
}
