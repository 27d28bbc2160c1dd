/**
 * Finds duplicates and orphaned rows: selects the tables and builds the queries. Only column names and simple
 * predicates become part of a query.
 */
import { quoteIdentifier } from '../../sql/quote';
import type { Catalog } from '../catalog';
import { type Constraint, isChecked } from '../catalog/constraints';
import type { Index } from '../catalog/indexes';
import type { Difference } from '../compare/difference';
import type { DuplicateRows, OrphanedRows } from '../evidence';
import { buildOnlyClause } from '../inheritance';
import { formatNames, formatPath, joinKey } from '../names';
import type { NotCheckedItem } from '../not-checked';
import { type CountQuery, quoteReference } from './count-queries';

type WantedCounts<T> = {
  readonly counts: readonly CountQuery<T>[];
  readonly notChecked: readonly NotCheckedItem[];
};
type DuplicateSubject = Omit<DuplicateRows, 'groups'>;
type OrphanSubject = Omit<OrphanedRows, 'rows'>;

/**
 * Lists the duplicate counts for unique indexes that are missing. With `fullScan`, also for existing ones that sort
 * texts.
 */
export function planDuplicateCounts(
  source: Catalog | null,
  target: Catalog,
  differences: readonly Difference[],
  fullScan: boolean,
): WantedCounts<DuplicateSubject> {
  const missing = new Set(
    differences
      .filter(({ id }) => id === 'missing-unique-index' || id === 'missing-primary-key')
      .map(({ table, names }) => joinKey(...table!, names![0]!)),
  );
  const lost = (source?.indexes ?? []).filter(({ schema, table, name }) =>
    missing.has(joinKey(schema, table, name)),
  );
  const texts = new Set(
    target.columns
      .filter(({ type }) => /^(text|character|citext)/.test(type))
      .map((each) => joinKey(each.schema, each.table, each.name)),
  );
  const present = target.indexes.filter(
    ({ schema, table, unique, invalid, constraint, partitionOf, columns }) =>
      fullScan &&
      unique &&
      !invalid &&
      !partitionOf &&
      constraint !== 'exclusion' &&
      columns.some((name) => texts.has(joinKey(schema, table, name))),
  );
  const notChecked: NotCheckedItem[] = [];
  const counts: CountQuery<DuplicateSubject>[] = [];
  for (const [index, damaged] of [
    ...lost.map((each) => [each, false] as const),
    ...present.map((each) => [each, true] as const),
  ]) {
    const table = { schema: index.schema, name: index.table };
    const sql = buildDuplicateGroupsSql(index, buildOnlyClause(target, table));
    if (sql === null)
      notChecked.push({
        what: 'duplicates',
        of: table,
        why: `the key of ${formatPath(index.name)} has an expression or a predicate that the audit does not evaluate`,
      });
    else
      counts.push({
        about: { table, index: `${formatPath(index.name)} (${formatNames(index.columns)})`, damaged },
        table,
        sql,
      });
  }
  return { counts, notChecked };
}

/**
 * Returns the query that counts groups of duplicates. It returns null for expressions and for all but the simplest
 * predicates, since text from the source is never run on the target.
 */
function buildDuplicateGroupsSql(
  { schema, table, columns, expressions, predicate, nullsNotDistinct }: Index,
  only: string,
): string | null {
  const where = predicate === undefined ? '' : parseSimplePredicate(predicate);
  if (expressions || where === null) return null;
  const keys = columns.map(quoteIdentifier);
  const conditions = [
    ...(nullsNotDistinct ? [] : keys.map((each) => `${each} IS NOT NULL`)),
    ...(where ? [where] : []),
  ];
  return `SELECT count(*)::text AS count FROM (SELECT FROM ${only}${quoteReference({ schema, name: table })}
    ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''} GROUP BY ${keys.join(', ')} HAVING count(*) > 1) AS shared`;
}

/** Parses a simple predicate: `is_active`, `(NOT hidden)`, `(deleted_at IS NULL)`. Returns null for any other. */
function parseSimplePredicate(predicate: string): string | null {
  const { not, name, test } =
    /^\(?(?<not>NOT )?\(?(?<name>"(?:[^"]|"")+"|[a-z_][a-z0-9_]*)\)?(?<test> IS (?:NOT )?NULL| = (?:true|false))?\)?$/.exec(
      predicate,
    )?.groups ?? {};
  if (name === undefined) return null;
  const column = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
  return `(${not ?? ''}${quoteIdentifier(column)}${test ?? ''})`;
}

/**
 * Lists the orphan counts for foreign keys that are missing or do not hold for every row. With `fullScan`, for all
 * foreign keys.
 */
export function planOrphanCounts(
  source: Catalog | null,
  target: Catalog,
  differences: readonly Difference[],
  fullScan: boolean,
): WantedCounts<OrphanSubject> {
  const missing = new Set(
    differences
      .filter(({ id }) => id === 'missing-foreign-key')
      .map(({ table, names }) => joinKey(...table!, names![0]!)),
  );
  const wanted = [
    ...(source?.constraints ?? []).filter(
      ({ schema, table, name, type }) => type === 'foreign key' && missing.has(joinKey(schema, table, name)),
    ),
    ...target.constraints.filter(
      ({ type, notValid, notEnforced, disabled, inherited }) =>
        type === 'foreign key' && !inherited && (fullScan || notValid || notEnforced || disabled),
    ),
  ];
  const isPlain = makePlainComparisonTest(target);
  const counts: CountQuery<OrphanSubject>[] = [];
  const notChecked: NotCheckedItem[] = [];
  for (const constraint of wanted) {
    const { schema, table: name, name: of, columns = [] } = constraint;
    const table = { schema, name };
    const sql = excludeMissingTargets(target, constraint);
    if (sql === null) continue;
    if (isPlain(constraint))
      counts.push({ about: { table, constraint: formatPath(of), columns }, table, sql });
    else
      notChecked.push({
        what: ORPHANED_ROWS,
        of: table,
        why: `${formatPath(of)} does not compare with the = that is built into PostgreSQL`,
      });
  }
  return { counts, notChecked };
}

export const ORPHANED_ROWS = 'orphaned rows';

/**
 * Returns whether a foreign key compares with a built-in = operator. A type of an extension (citext) has its own
 * operator, which would have to be called. A temporal key (PERIOD) compares ranges by coverage.
 */
function makePlainComparisonTest({ columns, types }: Catalog): (constraint: Constraint) => boolean {
  const columnTypes = new Map(
    columns.map((each) => [joinKey(each.schema, each.table, each.name), each.type]),
  );
  const known = new Map(types.map((each) => [formatPath(each.schema, each.name), each]));
  const isPlain = (type: string): boolean => {
    const of = known.get(type.replace(/(\[\])+$/, ''));
    if (of?.kind === 'domain') return isPlain(of.base ?? '.');
    return of?.kind === 'enum' || /^[a-z"][a-z0-9_ "]*(\([\d,]+\))?[a-z0-9 ]*(\[\])*$/.test(type);
  };
  return ({ schema, table, columns: own = [], references, definition }) => {
    const all = [
      ...own.map((each) => joinKey(schema, table, each)),
      ...(references?.columns ?? []).map((each) => joinKey(references!.schema, references!.table, each)),
    ];
    return (
      !/\bPERIOD\b/.test(definition.replace(/"(?:[^"]|"")*"/g, '')) &&
      all.every((each) => isPlain(columnTypes.get(each) ?? '.'))
    );
  };
}

function excludeMissingTargets(target: Catalog, constraint: Constraint): string | null {
  const { schema, table, columns = [], references } = constraint;
  if (references === undefined) return null;
  const from = { schema, name: table };
  const to = { schema: references.schema, name: references.table };
  const own = columns.map((each) => `t.${quoteIdentifier(each)}`);
  const pairs = own.map((each, i) => `r.${quoteIdentifier(references.columns[i]!)} = ${each}`);
  return `SELECT count(*)::text AS count FROM ${buildOnlyClause(target, from)}${quoteReference(from)} AS t
    WHERE ${isChecked(constraint, own)}
      AND NOT EXISTS (SELECT FROM ${buildOnlyClause(target, to)}${quoteReference(to)} AS r WHERE ${pairs.join(' AND ')})`;
}
