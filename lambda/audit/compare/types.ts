import { quoteLiteral } from '../../sql/quote';
import type { Collation } from '../catalogue/collations';
import type { DataType } from '../catalogue/data-types';
import { key, path, plural } from '../names';
import { type Comparison, type Difference, type Lost, only } from './difference';
import { plainLocale } from './icu-locale';
import type { Pair } from './pair';
import { sameList, sameText } from './text';

export function compareTypes(pair: Pair): Comparison {
  const { source, target } = pair;
  const here = new Map(target.types.map((each) => [key(each.schema, each.name), each]));
  const differences: Difference[] = [];
  for (const type of source.types) {
    const { schema, name, kind } = type;
    if (!pair.hasSchema(schema)) continue;
    const found = here.get(key(schema, name));
    const object = path(schema, name);
    const common = {
      object,
      source: describe(type),
      lost: [{ kind: 'types', from: type, ...(found ? { to: found } : {}) }] satisfies Lost[],
      names: [name],
    };
    if (found === undefined) {
      const columns = columnsOf(pair, type);
      differences.push({
        ...common,
        id: 'type-lost',
        message: `Type ${object} is missing${columns.length === 0 ? '' : `; in the source ${columns.length === 1 ? columns[0] : plural(columns.length, 'column')} has it`}.`,
        target: null,
      });
      continue;
    }
    const lost = (type.labels ?? []).filter((label) => !found.labels?.includes(label));
    if (kind === 'enum' && found.kind === 'enum' && lost.length > 0)
      differences.push({
        ...common,
        id: 'enum-value-lost',
        message: `${object} lacks ${plural(lost.length, 'value')} that the source has: ${lost.map(quoteLiteral).join(', ')}.`,
        target: describe(found),
      });
    else if (!same(type, found))
      differences.push({
        ...common,
        id: 'type-lost',
        message: `Type ${object} is another one than in the source.`,
        target: describe(found),
      });
  }
  return only([...differences, ...collations(pair)]);
}

function collations(pair: Pair): readonly Difference[] {
  const here = new Map(pair.target.collations.map((each) => [key(each.schema, each.name), each]));
  return pair.source.collations.flatMap((from): Difference[] => {
    const { schema, name, provider, locale, nondeterministic } = from;
    // Those of the server are only listed where something uses them.
    if (schema === 'pg_catalog' || !pair.hasSchema(schema)) return [];
    const found = here.get(key(schema, name));
    const same =
      found &&
      found.provider === provider &&
      sameLocale(from, found) &&
      found.nondeterministic === nondeterministic;
    if (same) return [];
    const object = path(schema, name);
    return [
      {
        id: 'collation-lost',
        object,
        message: found
          ? `Collation ${object} is another one than in the source.`
          : `Collation ${object} is missing.`,
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

const sameLocale = (one: Collation, other: Collation): boolean =>
  one.locale === other.locale ||
  (one.provider === 'icu' &&
    one.locale !== undefined &&
    other.locale !== undefined &&
    plainLocale(one.locale) === plainLocale(other.locale));

const columnsOf = ({ source }: Pair, { schema, name }: DataType): string[] =>
  source.columns
    .filter(({ type }) => type.replace(/(\[\])+$/, '') === path(schema, name))
    .map((column) => path(column.schema, column.table, column.name));

/** Values that were added meanwhile do not matter; their order does. */
function same(one: DataType, other: DataType): boolean {
  const labels = (other.labels ?? []).filter((label) => one.labels?.includes(label));
  const checks = (type: DataType): readonly string[] =>
    (type.checks ?? []).map(({ definition }) => definition);
  return (
    one.kind === other.kind &&
    sameList(one.labels, labels) &&
    one.base === other.base &&
    one.notNull === other.notNull &&
    sameText(one.default, other.default) &&
    one.subtype === other.subtype &&
    one.collation === other.collation &&
    checks(one).every((check) => checks(other).some((each) => sameText(check, each))) &&
    sameList(
      (one.attributes ?? []).map(({ name, type }) => `${name} ${type}`),
      (other.attributes ?? []).map(({ name, type }) => `${name} ${type}`),
    )
  );
}

function describe(type: DataType): string {
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
      return `(${(type.attributes ?? []).map(({ name, type: of }) => `${path(name)} ${of}`).join(', ')})`;
    case 'range':
      return `RANGE (subtype = ${type.subtype})`;
  }
}
