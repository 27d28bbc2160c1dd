import type { Table } from '../catalog/tables';
import { formatCount, formatNames, formatPath } from '../names';
import { type Comparison, type Difference, makeComparison } from './difference';
import type { CatalogPair } from './pair';

/**
 * Returns a sentence about a schema that only the target has and that contains most of the tables: it may be the same
 * schema.
 */
function describeRenamedSchema({ source, target }: CatalogPair, tables: readonly Table[]): string {
  const known = new Set(source.schemas.map(({ name }) => name));
  const names = new Set(tables.map(({ name }) => name));
  for (const { name } of target.schemas) {
    if (known.has(name)) continue;
    const alike = target.tables.filter((each) => each.schema === name && names.has(each.name)).length;
    if (alike * 2 > names.size)
      return ` Schema ${formatPath(name)}, which the source does not have, has tables with the same names (${alike} of ${names.size}): it may be the same schema.`;
  }
  return '';
}

/** Compares schemas and extensions. */
export function compareSchemas(pair: CatalogPair): Comparison {
  const { source, target } = pair;
  const differences: Difference[] = [];
  for (const from of source.schemas) {
    const { name } = from;
    if (pair.hasSchema(name)) continue;
    const tables = source.tables.filter(({ schema }) => schema === name);
    const functions = source.functions.filter(({ schema }) => schema === name);
    differences.push({
      id: 'missing-schema',
      object: formatPath(name),
      message: `Schema ${formatPath(name)} is missing with everything that the source has in it: ${formatCount(tables.length, 'table')}, ${formatCount(functions.length, 'function')}.${describeRenamedSchema(pair, tables)}`,
      source:
        tables.length === 0
          ? null
          : `Tables: ${formatNames(tables.slice(0, 10).map((each) => each.name))}${tables.length > 10 ? ', …' : ''}`,
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
        id: 'missing-extension',
        object: formatPath(name),
        message: `Extension ${formatPath(name)} is missing.`,
        source: `version ${version}, in schema ${formatPath(schema)}`,
        target: null,
        lost: [{ kind: 'extensions', from }],
        names: from.provides ?? [],
      });
    else if (found.schema !== schema)
      differences.push({
        id: 'extension-schema-changed',
        object: formatPath(name),
        message: `Extension ${formatPath(name)} is in schema ${formatPath(found.schema)}; in the source it is in ${formatPath(schema)}.`,
        source: null,
        target: null,
        lost: [{ kind: 'extensions', from, to: found }],
        names: found.provides ?? [],
      });
  }
  return makeComparison(differences);
}
