import type { Catalog } from '../audit/catalog';
import type { Column } from '../audit/catalog/columns';
import { groupBy } from '../audit/compare/pair';
import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { formatPath } from '../audit/names';
import { makeGenerateKeyRepair } from './attributed-findings';
import { isInconsistent, listGeneratableKeys, listLikelyReferences } from './keys';

/** Finds keys without a default or identity if most keys of the same kind in the schema have one. Pure. */
export function findInconsistentKeys({ target: { catalog } }: Evidence): readonly Finding[] {
  // `user_id` beside a table of users takes its values from there, with or without a foreign key.
  const references = new Set(listLikelyReferences(catalog).map(({ column }) => column));
  return [
    ...groupBy(listGeneratableKeys(catalog), ({ column, kind }) => `${kind} ${column.schema}`).values(),
  ].flatMap((siblings) => {
    const having = siblings.filter(({ generated }) => generated).length;
    if (!isInconsistent(having, siblings.length)) return [];
    const names = new Set(siblings.flatMap(({ column, generated }) => (generated ? [column.name] : [])));
    return siblings
      .filter(
        ({ generated, column }) =>
          !generated &&
          !references.has(column) &&
          (names.has(column.name) || isNamedAfterTable(column)) &&
          !siblings.some((each) => each.generated && isArchive(catalog, column, each.column)),
      )
      .map(({ column, kind }): Finding => {
        const { schema, table, name, type } = column;
        const object = formatPath(schema, table, name);
        return {
          confidence: 'C',
          object,
          message: `${object} is a primary key of type ${type} without a default or identity; ${having} of ${siblings.length} ${kind} keys in the schema have one.`,
          evidence: [],
          repair: makeGenerateKeyRepair(
            column,
            `does the database or the application generate the keys of ${formatPath(schema, table)}?`,
          ),
        };
      });
  });
}

/**
 * Whether a key is named after its table: `film_id` of `film` or `films`. `account_id` of `oauth_github` is an external
 * id, and a column whose name contains neither id nor uuid holds another kind of number.
 */
const isNamedAfterTable = ({ table, name }: Column): boolean =>
  /_?(id|uuid)$/i.test(name) && table.startsWith(name.replace(/_?(id|uuid)$/i, '').replace(/(y|s)$/, ''));

/**
 * Whether a table is an archive of another: `orders_archive` has only columns that `orders` has too. Its rows, with
 * their keys, come from there.
 */
function isArchive({ columns }: Catalog, { schema, table, name }: Column, of: Column): boolean {
  if (of.schema !== schema || of.name !== name || !isLonger(table, of.table)) return false;
  const listNames = (one: string): readonly string[] =>
    columns.filter((each) => each.schema === schema && each.table === one).map((each) => each.name);
  const there = new Set(listNames(of.table));
  return listNames(table).every((each) => there.has(each));
}

const isLonger = (name: string, stem: string): boolean =>
  name.length > stem.length && (name.startsWith(stem) || name.endsWith(stem));
