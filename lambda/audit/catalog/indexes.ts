import { INDEX_IS_VALID_SQL } from '../../sql/catalog';
import {
  buildColumnNamesSql,
  buildIsOwnRelationSql,
  buildRelationReferenceSql,
  buildSortedSql,
  type ObjectKind,
  type Reference,
} from './kind';

/** An index, including the index of a constraint. */
export interface Index {
  /** Schema of the index and of its table. */
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** CREATE INDEX, as the server writes it. */
  readonly definition: string;
  /** Access method: `btree`. */
  readonly method: string;
  /**
   * Key columns in order, without INCLUDE. Plain names, or SQL if `expressions` is set: names quoted where needed,
   * `lower(name)`, `(a + b)`.
   */
  readonly columns: readonly string[];
  readonly include?: readonly string[];
  /** At least one key column is an expression. */
  readonly expressions?: true;
  readonly predicate?: string;
  readonly unique?: true;
  readonly primary?: true;
  /** The index is NULLS NOT DISTINCT (PostgreSQL 15). */
  readonly nullsNotDistinct?: true;
  /** The index's constraint is DEFERRABLE, so ON CONFLICT cannot use it as an arbiter. */
  readonly deferrable?: true;
  /** The constraint is checked at COMMIT, unless the transaction sets it to IMMEDIATE. */
  readonly initiallyDeferred?: true;
  /** A failed build or drop left the index. Queries do not use it. */
  readonly invalid?: true;
  /** Type of the constraint that owns the index. Both have the same name. */
  readonly constraint?: 'primary key' | 'unique' | 'exclusion';
  /** Index of the partitioned table that this index is a partition of. */
  readonly partitionOf?: Reference;
  readonly options?: readonly string[];
}

export const indexes: ObjectKind<Index> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition', 'columns'],
  sql: (major) => `SELECT n.nspname AS schema, c.relname AS table, ic.relname AS name,
    pg_get_indexdef(i.indexrelid) AS definition, am.amname AS method,
    CASE WHEN i.indexprs IS NULL THEN ${buildColumnNamesSql('i.indrelid', '(i.indkey::int2[])[0:i.indnkeyatts - 1]')}
      ELSE (SELECT array_agg(coalesce(quote_ident(a.attname), pg_get_indexdef(i.indexrelid, k, false)) ORDER BY k)
        FROM generate_series(1, i.indnkeyatts) AS k
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum <> 0) END AS columns,
    CASE WHEN i.indnatts > i.indnkeyatts
      THEN ${buildColumnNamesSql('i.indrelid', '(i.indkey::int2[])[i.indnkeyatts:i.indnatts - 1]')} END AS include,
    i.indexprs IS NOT NULL AS expressions,
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    i.indisunique AS unique, i.indisprimary AS primary,
    ${major >= 15 ? 'i.indnullsnotdistinct AS "nullsNotDistinct",' : ''}
    i.indisunique AND NOT i.indimmediate AS deferrable,
    con.condeferred AS "initiallyDeferred",
    NOT (${INDEX_IS_VALID_SQL}) AS invalid,
    CASE con.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' END AS constraint,
    CASE WHEN ic.relispartition THEN ${buildRelationReferenceSql(
      '(SELECT h.inhparent FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)',
    )} END AS "partitionOf",
    ${buildSortedSql('ic.reloptions')} AS options
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_am am ON am.oid = ic.relam
  -- By conrelid, since pg_constraint has no index on conindid.
  LEFT JOIN pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
  WHERE ${buildIsOwnRelationSql('r', 'p', 'm')}`,
};
