import type { Catalogue } from '../audit/catalogue';
import type { Column } from '../audit/catalogue/columns';
import { grouped } from '../audit/compare/pair';
import type { Evidence } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { path } from '../audit/names';
import { generateKey } from './claims';
import { isOdd, keysOf, likelyReferences } from './keys';

/** Keys without a generator among siblings of their schema and kind that have one. Pure. */
export function oddKeys({ target: { catalogue } }: Evidence): readonly Finding[] {
  // `user_id` beside a table of users has its values from there, foreign key or not.
  const references = new Set(likelyReferences(catalogue).map(({ column }) => column));
  return [...grouped(keysOf(catalogue), ({ column, kind }) => `${kind} ${column.schema}`).values()].flatMap(
    (siblings) => {
      const having = siblings.filter(({ generated }) => generated).length;
      if (!isOdd(having, siblings.length)) return [];
      const names = new Set(siblings.flatMap(({ column, generated }) => (generated ? [column.name] : [])));
      return siblings
        .filter(
          ({ generated, column }) =>
            !generated &&
            !references.has(column) &&
            (names.has(column.name) || isNamedAfterTable(column)) &&
            !siblings.some((each) => each.generated && isArchive(catalogue, column, each.column)),
        )
        .map(({ column, kind }): Finding => {
          const { schema, table, name, type } = column;
          const object = path(schema, table, name);
          return {
            grade: 'C',
            object,
            message: `${object} is a primary key of type ${type} without a generator; ${having} of ${siblings.length} ${kind} keys in the schema have one.`,
            evidence: [],
            mend: generateKey(
              column,
              `does the database make the keys of ${path(schema, table)}, or the application?`,
            ),
          };
        });
    },
  );
}

/** `film_id` of `film` or `films`; `account_id` of `oauth_github` is somebody else's, and a number of another kind is none. */
const isNamedAfterTable = ({ table, name }: Column): boolean =>
  /_?(id|uuid)$/i.test(name) && table.startsWith(name.replace(/_?(id|uuid)$/i, '').replace(/(y|s)$/, ''));

/** `orders_archive` beside `orders`, with no column that this has not: rows come from there, with their keys. */
function isArchive({ columns }: Catalogue, { schema, table, name }: Column, of: Column): boolean {
  if (of.schema !== schema || of.name !== name || !isLonger(table, of.table)) return false;
  const namesOf = (one: string): readonly string[] =>
    columns.filter((each) => each.schema === schema && each.table === one).map((each) => each.name);
  const there = new Set(namesOf(of.table));
  return namesOf(table).every((each) => there.has(each));
}

const isLonger = (name: string, stem: string): boolean =>
  name.length > stem.length && (name.startsWith(stem) || name.endsWith(stem));
