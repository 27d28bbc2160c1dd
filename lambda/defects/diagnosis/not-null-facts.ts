/** Facts from the catalog about the column that was NULL, and the value that the statement supplied for it. */
import { identifyingColumns } from '../keys';
import { missingPrimaryKeyDefault } from '../kinds/missing-primary-key-default';
import { notNullTooEarly } from '../kinds/not-null-too-early';
import { NO_OBJECT } from '../object';
import type { Column, Relation } from '../relations';
import { findStatementName } from '../targets';
import type { DiagnosisFinding } from './finding';
import type { ColumnAssignment, StatementContext } from './not-null-statement';

export interface NotNullFacts {
  /** Result so far: kind and object. Case, verdict and cause are added later. */
  readonly found: Omit<DiagnosisFinding, 'case' | 'verdict' | 'cause'>;
  readonly name: string;
  /** The words for what supplies the value if an INSERT leaves the column out. null if nothing does. */
  readonly filled: string | null;
  /** Whether that value is never NULL. */
  readonly certain: boolean;
  readonly leaving: boolean;
  readonly triggers: readonly string[];
  readonly partition: readonly string[];
}

export function gatherFacts(context: StatementContext, given: ColumnAssignment): NotNullFacts {
  const { row, roots, column, target } = context;
  // Unless an INSERT names the partition itself, the row was written through the root table, whose defaults apply.
  const root = row.partition ? roots.find((each) => !each.partition) : undefined;
  const facing = target !== null && target.opaque === null ? target.table : (root ?? row);
  const own = facing.columns.find(({ name }) => name === column.name) ?? column;
  const shown = target === null ? null : findStatementName(target, column.name);
  const ofView =
    target !== null && target.named !== target.table
      ? (target.named.columns.find(({ name }) => name === shown)?.default ?? null)
      : null;
  const expression = ofView ?? own.default;
  const kind = isGeneratedKey(facing, own, roots) ? missingPrimaryKeyDefault : notNullTooEarly;
  const update = context.write?.form === 'UPDATE';
  return {
    found: {
      kind,
      object: { ...NO_OBJECT, table: facing.sql, column: own.sql, columns: [own.sql], detail: own.type },
      subject: `${facing.sql}.${own.sql}`,
      unseen: [],
    },
    name: `${facing.sql}.${own.sql}`,
    filled: expression !== null ? 'has a default' : own.identity ? 'is an identity column' : null,
    certain: own.identity || (expression !== null && NEVER_NULL_PATTERN.test(expression)),
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

/**
 * Whether the database is meant to generate the column: it owns a sequence, or it is the only identifying column of the
 * primary key and not a foreign key.
 */
function isGeneratedKey(table: Relation, column: Column, roots: readonly Relation[]): boolean {
  if (column.sequence?.owned) return true;
  const refers = table.foreignKeys.some((key) => key.columns.includes(column.name));
  const above = roots.filter(({ oid }) => table.ancestors.includes(oid));
  const partitionedBy = new Set([table, ...above].flatMap(({ partitionKey }) => partitionKey ?? []));
  const root = above.find((each) => !each.partition) ?? table;
  const identifying = identifyingColumns(table.primaryKey, root.name, (name) => partitionedBy.has(name));
  return identifying.length === 1 && identifying[0] === column.name && !refers;
}

/**
 * Constants, clocks and generators, which are never NULL. Any other expression may return NULL, as far as its text
 * shows.
 */
const NEVER_NULL_PATTERN =
  /^\(?(?:-?\d|true|false|'(?:[^']|'')*'(?:::[\w ()[\]".]+)?$|(?:\w+\.)?(?:nextval|gen_random_uuid|uuid_generate_v\w+|uuidv[47]|now|clock_timestamp|statement_timestamp|transaction_timestamp|random)\(|CURRENT_(?:TIMESTAMP|DATE|TIME|USER)|LOCALTIME|SESSION_USER|ARRAY\[)/i;
