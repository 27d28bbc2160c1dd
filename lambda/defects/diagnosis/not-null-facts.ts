/** What the catalogue says of the column that was NULL, and what the statement gave for it. */
import { missingIdDefault } from '../kinds/missing-id-default';
import { prematureNotNull } from '../kinds/premature-not-null';
import { NO_OBJECT } from '../object';
import type { Column, Relation } from '../relations';
import { nameIn } from '../targets';
import type { Found } from './finding';
import type { GivenHere, Sight } from './not-null-sight';

export interface Facts {
  /** Kind and object; case, verdict and cause are filled in. */
  readonly found: Omit<Found, 'case' | 'verdict' | 'cause'>;
  readonly name: string;
  /** What an INSERT that leaves the column out gets, in words; null where it gets nothing. */
  readonly filled: string | null;
  /** The filling never gives NULL. */
  readonly certain: boolean;
  readonly leaving: boolean;
  readonly triggers: readonly string[];
  readonly partition: readonly string[];
}

export function factsOf(sight: Sight, given: GivenHere): Facts {
  const { row, roots, column, target } = sight;
  // What is not an INSERT into a partition itself went through the topmost table, whose defaults it used.
  const root = row.partition ? roots.find((each) => !each.partition) : undefined;
  const facing = target !== null && target.opaque === null ? target.table : (root ?? row);
  const own = facing.columns.find(({ name }) => name === column.name) ?? column;
  const shown = target === null ? null : nameIn(target, column.name);
  const ofView =
    target !== null && target.named !== target.table
      ? (target.named.columns.find(({ name }) => name === shown)?.default ?? null)
      : null;
  const expression = ofView ?? own.default;
  const kind = isId(facing, own) ? missingIdDefault : prematureNotNull;
  const update = sight.write?.form === 'UPDATE';
  return {
    found: {
      kind,
      object: { ...NO_OBJECT, table: facing.sql, column: own.sql, columns: [own.sql], detail: own.type },
      subject: `${facing.sql}.${own.sql}`,
      unseen: [],
    },
    name: `${facing.sql}.${own.sql}`,
    filled: expression !== null ? 'has a default' : own.identity ? 'is an identity column' : null,
    certain: own.identity || (expression !== null && NEVER_NULL.test(expression)),
    leaving:
      given === 'left-out' ||
      given === 'default' ||
      (given === 'mixed' && expression === null && !own.identity),
    triggers: row.triggers
      .filter(({ on }) => on === 'both' || on === (update ? 'update' : 'insert'))
      .map((trigger) => `${trigger.name} (${trigger.function})`),
    partition:
      facing.oid === row.oid
        ? []
        : [`The row went into ${row.partition ? 'its partition' : 'its child'} ${row.sql}.`],
  };
}

/** A key that the database may be meant to make: alone in it, no reference; or it has a sequence of its own. */
function isId(table: Relation, column: Column): boolean {
  if (column.sequence?.owned) return true;
  const refers = table.foreignKeys.some((key) => key.columns.includes(column.name));
  return table.primaryKey.length === 1 && table.primaryKey[0] === column.name && !refers;
}

/** Constants, clocks and generators. Everything else may give NULL, as far as its text tells. */
const NEVER_NULL =
  /^\(?(?:-?\d|true|false|'(?:[^']|'')*'(?:::[\w ()[\]".]+)?$|(?:\w+\.)?(?:nextval|gen_random_uuid|uuid_generate_v\w+|uuidv[47]|now|clock_timestamp|statement_timestamp|transaction_timestamp|random)\(|CURRENT_(?:TIMESTAMP|DATE|TIME|USER)|LOCALTIME|SESSION_USER|ARRAY\[)/i;
