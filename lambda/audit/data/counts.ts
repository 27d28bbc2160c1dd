/** Duplicates and orphaned rows: which tables are to be asked, and how. Only names of columns get into the questions. */
import { quoteIdentifier } from '../../sql/quote';
import type { Catalogue } from '../catalogue';
import type { Constraint } from '../catalogue/constraints';
import type { Index } from '../catalogue/indexes';
import type { Difference } from '../compare/difference';
import type { Duplicates, Orphans } from '../evidence';
import { onlyIn } from '../inheritance';
import { key, list, path } from '../names';
import type { NotSeen } from '../not-seen';
import { type Count, quoted } from './ask';

type Wanted<T> = { readonly counts: readonly Count<T>[]; readonly notSeen: readonly NotSeen[] };
type DuplicatesOf = Omit<Duplicates, 'groups'>;
type OrphansOf = Omit<Orphans, 'rows'>;

/** Of unique indexes that were lost; and with `deep` of those that are there and sort texts. */
export function duplicatesWanted(
  source: Catalogue | null,
  target: Catalogue,
  differences: readonly Difference[],
  deep: boolean,
): Wanted<DuplicatesOf> {
  const missing = new Set(
    differences
      .filter(({ id }) => id === 'unique-lost' || id === 'primary-key-lost')
      .map(({ table, names }) => key(...table!, names![0]!)),
  );
  const lost = (source?.indexes ?? []).filter(({ schema, table, name }) =>
    missing.has(key(schema, table, name)),
  );
  const texts = new Set(
    target.columns
      .filter(({ type }) => /^(text|character|citext)/.test(type))
      .map((each) => key(each.schema, each.table, each.name)),
  );
  const present = target.indexes.filter(
    ({ schema, table, unique, invalid, constraint, partitionOf, columns }) =>
      deep &&
      unique &&
      !invalid &&
      !partitionOf &&
      constraint !== 'exclusion' &&
      columns.some((name) => texts.has(key(schema, table, name))),
  );
  const notSeen: NotSeen[] = [];
  const counts: Count<DuplicatesOf>[] = [];
  for (const [index, damaged] of [
    ...lost.map((each) => [each, false] as const),
    ...present.map((each) => [each, true] as const),
  ]) {
    const table = { schema: index.schema, name: index.table };
    const sql = groupsOf(index, onlyIn(target, table));
    if (sql === null)
      notSeen.push({
        what: 'duplicates',
        of: table,
        why: `the key of ${path(index.name)} has an expression or a predicate that is not asked`,
      });
    else
      counts.push({
        about: { table, index: `${path(index.name)} (${list(index.columns)})`, damaged },
        table,
        sql,
      });
  }
  return { counts, notSeen };
}

/** Null for expressions and all but the simplest predicates: the source's text is not run on the target. */
function groupsOf(
  { schema, table, columns, expressions, predicate, nullsNotDistinct }: Index,
  only: string,
): string | null {
  const where = predicate === undefined ? '' : simple(predicate);
  if (expressions || where === null) return null;
  const keys = columns.map(quoteIdentifier);
  const conditions = [
    ...(nullsNotDistinct ? [] : keys.map((each) => `${each} IS NOT NULL`)),
    ...(where ? [where] : []),
  ];
  return `SELECT count(*)::text AS count FROM (SELECT FROM ${only}${quoted({ schema, name: table })}
    ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''} GROUP BY ${keys.join(', ')} HAVING count(*) > 1) AS shared`;
}

/** `is_active`, `(NOT hidden)`, `(deleted_at IS NULL)` */
function simple(predicate: string): string | null {
  const { not, name, test } =
    /^\(?(?<not>NOT )?\(?(?<name>"(?:[^"]|"")+"|[a-z_][a-z0-9_]*)\)?(?<test> IS (?:NOT )?NULL| = (?:true|false))?\)?$/.exec(
      predicate,
    )?.groups ?? {};
  if (name === undefined) return null;
  const column = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
  return `(${not ?? ''}${quoteIdentifier(column)}${test ?? ''})`;
}

/** Of foreign keys that were lost, and of those that were never validated. */
export function orphansWanted(
  source: Catalogue | null,
  target: Catalogue,
  differences: readonly Difference[],
): Wanted<OrphansOf> {
  const missing = new Set(
    differences
      .filter(({ id }) => id === 'missing-foreign-key')
      .map(({ table, names }) => key(...table!, names![0]!)),
  );
  const wanted = [
    ...(source?.constraints ?? []).filter(
      ({ schema, table, name, type }) => type === 'foreign key' && missing.has(key(schema, table, name)),
    ),
    ...target.constraints.filter(
      ({ type, notValid, notEnforced }) => type === 'foreign key' && notValid && !notEnforced,
    ),
  ];
  return {
    counts: wanted.flatMap((constraint): Count<OrphansOf>[] => {
      const sql = withoutTarget(target, constraint);
      const { schema, table: name, name: of, columns = [] } = constraint;
      const table = { schema, name };
      return sql === null ? [] : [{ about: { table, constraint: path(of), columns }, table, sql }];
    }),
    notSeen: [],
  };
}

function withoutTarget(
  target: Catalogue,
  { schema, table, columns = [], references }: Constraint,
): string | null {
  if (references === undefined) return null;
  const from = { schema, name: table };
  const to = { schema: references.schema, name: references.table };
  const own = columns.map((each) => `t.${quoteIdentifier(each)}`);
  const pairs = own.map((each, i) => `r.${quoteIdentifier(references.columns[i]!)} = ${each}`);
  return `SELECT count(*)::text AS count FROM ${onlyIn(target, from)}${quoted(from)} AS t
    WHERE ${own.map((each) => `${each} IS NOT NULL`).join(' AND ')}
      AND NOT EXISTS (SELECT FROM ${onlyIn(target, to)}${quoted(to)} AS r WHERE ${pairs.join(' AND ')})`;
}
