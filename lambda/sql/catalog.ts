/** Fragments that several queries on PostgreSQL's catalog share. Their aliases are those of the surrounding query. */

/** False for an INVALID index, which neither queries nor ON CONFLICT use. `i` is pg_index. */
export const INDEX_IS_VALID_SQL = 'i.indisvalid AND i.indisready AND i.indislive';

/** The index is being built now, as far as the role can see other sessions. `i` is pg_index. */
export const INDEX_IS_BEING_BUILT_SQL =
  'EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)';

/**
 * Default that an INSERT without the column uses: the column's, or else its domain's. `d` is pg_attrdef, `t` pg_type.
 */
export const INSERT_DEFAULT_SQL = 'coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault)';

/**
 * Returns whether a constraint is NOT ENFORCED, in a form that also runs before PostgreSQL 18.
 * @param constraint alias of pg_constraint
 */
export const buildNotEnforcedSql = (constraint: string): string =>
  `(to_jsonb(${constraint}) ->> 'conenforced')::boolean IS FALSE`;
