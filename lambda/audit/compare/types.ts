import { quoteLiteral } from '../../sql/quote';
import type { Collation } from '../catalog/collations';
import type { DataType } from '../catalog/data-types';
import { formatCount, formatPath, joinKey } from '../names';
import { type Comparison, type Difference, type LostObject, makeComparison } from './difference';
import { normalizeIcuLocale } from './icu-locale';
import type { CatalogPair } from './pair';
import { isSameList, isSameText } from './text';

export function compareTypes(pair: CatalogPair): Comparison {
  const { source, target } = pair;
  const here = new Map(target.types.map((each) => [joinKey(each.schema, each.name), each]));
  const differences: Difference[] = [];
  for (const type of source.types) {
    const { schema, name, kind } = type;
    if (!pair.hasSchema(schema)) continue;
    const found = here.get(joinKey(schema, name));
    const object = formatPath(schema, name);
    const common = {
      object,
      source: formatDataType(type),
      lost: [{ kind: 'types', from: type, ...(found ? { to: found } : {}) }] satisfies LostObject[],
      names: [name],
    };
    if (found === undefined) {
      const columns = listColumnsOfType(pair, type);
      differences.push({
        ...common,
        id: 'missing-type',
        message: `Type ${object} is missing${columns.length === 0 ? '' : `; in the source ${columns.length === 1 ? `${columns[0]} has` : `${formatCount(columns.length, 'column')} have`} it`}.`,
        target: null,
      });
      continue;
    }
    const lost = (type.labels ?? []).filter((label) => !found.labels?.includes(label));
    if (kind === 'enum' && found.kind === 'enum' && lost.length > 0)
      differences.push({
        ...common,
        id: 'missing-enum-value',
        message: `${object} lacks ${formatCount(lost.length, 'value')} that the source has: ${lost.map(quoteLiteral).join(', ')}.`,
        target: formatDataType(found),
      });
    else if (!isSameType(type, found))
      differences.push({
        ...common,
        id: 'missing-type',
        message: `Type ${object} differs from the source.`,
        target: formatDataType(found),
      });
  }
  return makeComparison([...differences, ...compareCollations(pair)]);
}

function compareCollations(pair: CatalogPair): readonly Difference[] {
  const here = new Map(pair.target.collations.map((each) => [joinKey(each.schema, each.name), each]));
  return pair.source.collations.flatMap((from): Difference[] => {
    const { schema, name, provider, locale, nondeterministic } = from;
    // Built-in collations are listed only if something uses them.
    if (schema === 'pg_catalog' || !pair.hasSchema(schema)) return [];
    const found = here.get(joinKey(schema, name));
    const same =
      found &&
      found.provider === provider &&
      isSameLocale(from, found) &&
      found.nondeterministic === nondeterministic;
    if (same) return [];
    const object = formatPath(schema, name);
    return [
      {
        id: 'missing-collation',
        object,
        message: found ? `Collation ${object} differs from the source.` : `Collation ${object} is missing.`,
        source: `${provider}, ${locale ?? ''}${nondeterministic ? ', not deterministic' : ''}`,
        target: found
          ? `${found.provider}, ${found.locale ?? ''}${found.nondeterministic ? ', not deterministic' : ''}`
          : null,
        lost: [{ kind: 'collations', from, ...(found ? { to: found } : {}) }],
        names: [name],
      },
    ];
  });
}

const isSameLocale = (one: Collation, other: Collation): boolean =>
  one.locale === other.locale ||
  (one.provider === 'icu' &&
    one.locale !== undefined &&
    other.locale !== undefined &&
    normalizeIcuLocale(one.locale) === normalizeIcuLocale(other.locale));

const listColumnsOfType = ({ source }: CatalogPair, { schema, name }: DataType): string[] =>
  source.columns
    .filter(({ type }) => type.replace(/(\[\])+$/, '') === formatPath(schema, name))
    .map((column) => formatPath(column.schema, column.table, column.name));

/** Whether two types are equal. Added enum values do not matter, but the order of values does. */
function isSameType(one: DataType, other: DataType): boolean {
  const labels = (other.labels ?? []).filter((label) => one.labels?.includes(label));
  const checks = (type: DataType): readonly string[] =>
    (type.checks ?? []).map(({ definition }) => definition);
  return (
    one.kind === other.kind &&
    isSameList(one.labels, labels) &&
    one.base === other.base &&
    one.notNull === other.notNull &&
    isSameText(one.default, other.default) &&
    one.subtype === other.subtype &&
    one.collation === other.collation &&
    checks(one).every((check) => checks(other).some((each) => isSameText(check, each))) &&
    isSameList(
      (one.attributes ?? []).map(({ name, type }) => `${name} ${type}`),
      (other.attributes ?? []).map(({ name, type }) => `${name} ${type}`),
    )
  );
}

function formatDataType(type: DataType): string {
  switch (type.kind) {
    case 'enum':
      return `ENUM (${(type.labels ?? []).map(quoteLiteral).join(', ')})`;
    case 'domain':
      return [
        `DOMAIN AS ${type.base}`,
        type.notNull ? 'NOT NULL' : '',
        type.default ? `DEFAULT ${type.default}` : '',
        ...(type.checks ?? []).map(({ definition }) => definition),
      ]
        .filter(Boolean)
        .join(' ');
    case 'composite':
      return `(${(type.attributes ?? []).map(({ name, type: of }) => `${formatPath(name)} ${of}`).join(', ')})`;
    case 'range':
      return `RANGE (subtype = ${type.subtype})`;
  }
}
