import { INDEX_IS_VALID } from '../../sql/catalogue';
import { COLUMN_NAMES, type Kind, OWN_RELATION, REFERENCE_TO_RELATION, type Reference, SORTED } from './kind';

/** Also those of constraints. */
export interface Index {
  /** That of its table, too. */
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** CREATE INDEX, as the server writes it. */
  readonly definition: string;
  /** `btree` */
  readonly method: string;
  /** In order, without INCLUDE: names, or with `expressions` SQL, names quoted where needed and `lower(name)`, `(a + b)`. */
  readonly columns: readonly string[];
  readonly include?: readonly string[];
  /** Some of the columns are expressions. */
  readonly expressions?: true;
  readonly predicate?: string;
  readonly unique?: true;
  readonly primary?: true;
  /** PostgreSQL 15. */
  readonly nullsNotDistinct?: true;
  /** No arbiter of ON CONFLICT: its constraint is DEFERRABLE. */
  readonly deferrable?: true;
  /** Checked at COMMIT, unless the transaction says otherwise. */
  readonly initiallyDeferred?: true;
  /** A build or a drop that failed left it: queries do not use it. */
  readonly invalid?: true;
  /** The constraint that made it, of the same name. */
  readonly constraint?: 'primary key' | 'unique' | 'exclusion';
  /** That of the partitioned table. */
  readonly partitionOf?: Reference;
  readonly options?: readonly string[];
}

export const indexes: Kind<Index> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition', 'columns'],
  sql: (major) => `SELECT n.nspname AS schema, c.relname AS table, ic.relname AS name,
    pg_get_indexdef(i.indexrelid) AS definition, am.amname AS method,
    CASE WHEN i.indexprs IS NULL THEN ${COLUMN_NAMES('i.indrelid', '(i.indkey::int2[])[0:i.indnkeyatts - 1]')}
      ELSE (SELECT array_agg(coalesce(quote_ident(a.attname), pg_get_indexdef(i.indexrelid, k, false)) ORDER BY k)
        FROM generate_series(1, i.indnkeyatts) AS k
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum <> 0) END AS columns,
    CASE WHEN i.indnatts > i.indnkeyatts
      THEN ${COLUMN_NAMES('i.indrelid', '(i.indkey::int2[])[i.indnkeyatts:i.indnatts - 1]')} END AS include,
    i.indexprs IS NOT NULL AS expressions,
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    i.indisunique AS unique, i.indisprimary AS primary,
    ${major >= 15 ? 'i.indnullsnotdistinct AS "nullsNotDistinct",' : ''}
    i.indisunique AND NOT i.indimmediate AS deferrable,
    con.condeferred AS "initiallyDeferred",
    NOT (${INDEX_IS_VALID}) AS invalid,
    CASE con.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' END AS constraint,
    CASE WHEN ic.relispartition THEN ${REFERENCE_TO_RELATION(
      '(SELECT h.inhparent FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)',
    )} END AS "partitionOf",
    ${SORTED('ic.reloptions')} AS options
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_am am ON am.oid = ic.relam
  -- By conrelid, since pg_constraint has no index on conindid.
  LEFT JOIN pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
  WHERE ${OWN_RELATION('r', 'p', 'm')}`,
};
