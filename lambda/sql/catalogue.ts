/** What several queries ask PostgreSQL's catalogue: one text for each. Aliases are those of the query around it. */

/** False for an index that is INVALID: queries and ON CONFLICT do not use it. `i` is pg_index. */
export const INDEX_IS_VALID = 'i.indisvalid AND i.indisready AND i.indislive';

/** A build of it goes on at this moment, as far as the role sees other sessions. `i` is pg_index. */
export const INDEX_IS_BEING_BUILT =
  'EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)';

/** What an INSERT without the column uses: its own default, else its domain's. `d` is pg_attrdef, `t` pg_type. */
export const INSERT_DEFAULT = 'coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault)';

/** From PostgreSQL 18 on: a constraint that checks nothing, and was meant to. @param constraint alias of pg_constraint */
export const isNotEnforced = (constraint: string): string =>
  `(to_jsonb(${constraint}) ->> 'conenforced')::boolean IS FALSE`;
